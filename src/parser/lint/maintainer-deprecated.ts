import { finding, instructionsOf, type Rule } from './rule.js';

/** MAINTAINER sets the `author` field, which nobody shows; the OCI annotation key is the common place. */
export const maintainerDeprecated: Rule = {
  name: 'MaintainerDeprecated',
  description: 'The MAINTAINER instruction is deprecated, use a label instead to define an image author',
  *check(dockerfile) {
    for (const instruction of instructionsOf(dockerfile)) {
      if (instruction.kind === 'MAINTAINER') {
        yield finding(
          instruction,
          'Maintainer instruction is deprecated in favor of using label',
          'write LABEL org.opencontainers.image.authors="…"',
        );
      }
    }
  },
};
