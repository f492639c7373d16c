import { finding, type Rule } from './rule.js';

/** A base is resolved for the target platform unless the flag says otherwise. */
export const redundantTargetPlatform: Rule = {
  name: 'RedundantTargetPlatform',
  description:
    'Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
  *check({ stages }) {
    for (const { from } of stages) {
      const { platform = '' } = from;
      if (/^"?\$(?:TARGETPLATFORM|\{TARGETPLATFORM\})"?$/.test(platform)) {
        yield finding(
          from,
          `Setting platform to predefined ${platform.replaceAll('"', '')} in FROM is redundant as this is the default behavior`,
        );
      }
    }
  },
};
