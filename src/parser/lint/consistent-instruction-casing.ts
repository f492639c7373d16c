import type { Dockerfile } from '../types.js';
import { finding, instructionsOf, keywordOf, type Rule } from './rule.js';

/** Keywords work in any case; the case that most of the file uses is taken as meant. */
export const consistentInstructionCasing: Rule = {
  name: 'ConsistentInstructionCasing',
  description: 'All commands within the Dockerfile should use the same casing (either upper or lower)',
  *check(dockerfile) {
    const wanted = majority(dockerfile);
    for (const instruction of instructionsOf(dockerfile)) {
      const keyword = keywordOf(instruction);
      const right = wanted === 'lowercase' ? keyword.toLowerCase() : keyword.toUpperCase();
      if (keyword !== right) {
        yield finding(
          instruction,
          `Command '${keyword}' should match the case of the command majority (${wanted})`,
        );
      }
    }
  },
};

/** Words in mixed case do not vote. */
function majority(dockerfile: Dockerfile): 'lowercase' | 'uppercase' {
  let balance = 0;
  for (const instruction of instructionsOf(dockerfile)) {
    const keyword = keywordOf(instruction);
    if (keyword === keyword.toLowerCase()) balance--;
    else if (keyword === keyword.toUpperCase()) balance++;
  }
  return balance < 0 ? 'lowercase' : 'uppercase';
}
