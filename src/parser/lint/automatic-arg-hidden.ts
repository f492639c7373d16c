import { automaticArgs } from './global-scope.js';
import { finding, type Rule } from './rule.js';

/** Ours: the default wins over the value that the builder would set. */
export const automaticArgHidden: Rule = {
  name: 'AutomaticArgHidden',
  description: 'A default value hides the automatic value of a platform argument',
  *check({ stages }) {
    for (const { instructions } of stages) {
      for (const instruction of instructions) {
        if (instruction.kind !== 'ARG') continue;
        for (const { name, value } of instruction.args) {
          if (value !== undefined && automaticArgs.includes(name)) {
            yield finding(
              instruction,
              `The default of ARG ${name} hides the value that the builder sets`,
              `write ARG ${name}`,
            );
          }
        }
      }
    }
  },
};
