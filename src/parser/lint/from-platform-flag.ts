import { finding, type Rule } from './rule.js';

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

export const redundantTargetPlatform: Rule = {
  name: 'RedundantTargetPlatform',
  description:
    'Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
  *check({ stages }) {
    for (const { from } of stages) {
      if (from.platform === '$TARGETPLATFORM' || from.platform === '${TARGETPLATFORM}') {
        yield finding(
          from,
          `Setting platform to predefined ${from.platform} in FROM is redundant as this is the default behavior`,
        );
      }
    }
  },
};
