import { finding, instructionsOf, type Rule } from './rule.js';

/** EXPOSE publishes nothing: host addresses and host ports are dropped. */
export const exposeInvalidFormat: Rule = {
  name: 'ExposeInvalidFormat',
  description:
    'IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release',
  *check(dockerfile) {
    for (const instruction of instructionsOf(dockerfile)) {
      if (instruction.kind !== 'EXPOSE') continue;
      for (const word of instruction.words) {
        if (!word.includes('$') && word.includes(':')) {
          yield finding(
            instruction,
            `EXPOSE instruction should not define an IP address or host-port mapping, found '${word}'`,
          );
        }
      }
    }
  },
};
