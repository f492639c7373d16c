import { finding, instructionsOf, type Rule } from './rule.js';

/** The image config always has the protocol in lower case. */
export const exposeProtoCasing: Rule = {
  name: 'ExposeProtoCasing',
  description: 'Protocol in EXPOSE instruction should be lowercase',
  *check(dockerfile) {
    for (const instruction of instructionsOf(dockerfile)) {
      if (instruction.kind !== 'EXPOSE') continue;
      for (const word of instruction.words) {
        const protocol = word.includes('$') ? '' : (word.split('/')[1] ?? '');
        if (protocol !== protocol.toLowerCase()) {
          yield finding(instruction, `Defined protocol '${word}' in EXPOSE instruction should be lowercase`);
        }
      }
    }
  },
};
