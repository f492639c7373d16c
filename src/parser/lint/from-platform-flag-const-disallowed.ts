import { finding, type Rule } from './rule.js';

/** A constant platform makes every image of a multi-platform build the same. */
export const fromPlatformFlagConstDisallowed: Rule = {
  name: 'FromPlatformFlagConstDisallowed',
  description: 'FROM --platform flag should not use a constant value',
  *check({ stages }) {
    for (const { from } of stages) {
      // A stage that is named may be one of several, each for a platform of its own.
      if (from.platform === undefined || from.platform.includes('$') || from.as !== undefined) continue;
      yield finding(
        from,
        `FROM --platform flag should not use constant value ${JSON.stringify(from.platform)}`,
      );
    }
  },
};
