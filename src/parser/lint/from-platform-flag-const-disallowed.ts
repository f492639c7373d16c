import { parsePlatform } from '../../oci/platform.js';
import { TsbuildError } from '../../util/errors.js';
import { finding, type Rule } from './rule.js';

/** A constant platform makes every image of a multi-platform build the same. */
export const fromPlatformFlagConstDisallowed: Rule = {
  name: 'FromPlatformFlagConstDisallowed',
  description: 'FROM --platform flag should not use a constant value',
  *check({ stages }) {
    for (const { from } of stages) {
      if (from.platform === undefined || from.platform.includes('$')) continue;
      if (from.as !== undefined && saysPlatform(from.as, from.platform)) continue;
      yield finding(
        from,
        `FROM --platform flag should not use constant value ${JSON.stringify(from.platform)}`,
      );
    }
  },
};

/** A stage whose name has the system or the processor in it is one of several, each for a platform of its own. */
function saysPlatform(stage: string, platform: string): boolean {
  try {
    const { os, architecture } = parsePlatform(platform);
    return stage.includes(os) || stage.includes(architecture);
  } catch (error) {
    if (error instanceof TsbuildError) return false;
    throw error;
  }
}
