import { finding, instructionsOf, type Rule } from './rule.js';

/** Ours: BuildKit says nothing of it. */
export const linkWithChmod: Rule = {
  name: 'LinkWithChmod',
  description: 'COPY --link has no effect beside --chmod',
  *check(dockerfile) {
    for (const instruction of instructionsOf(dockerfile)) {
      if (instruction.kind !== 'COPY' && instruction.kind !== 'ADD') continue;
      if (instruction.link && instruction.chmod !== undefined) {
        const message = `${instruction.kind} --link with --chmod depends on the layers below as if it were without --link`;
        yield finding(instruction, message, 'set the modes of the files themselves, or leave out --link');
      }
    }
  },
};
