import { finding, type Rule } from './rule.js';

/** In the shell form the shell is process 1 and gets the stop signal, which it does not pass on. */
export const jsonArgsRecommended: Rule = {
  name: 'JSONArgsRecommended',
  description:
    'JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals',
  *check({ stages }) {
    for (const { instructions } of stages) {
      // A SHELL of its own says that the shell is meant.
      if (instructions.some(({ kind }) => kind === 'SHELL')) continue;
      for (const instruction of instructions) {
        if (instruction.kind !== 'CMD' && instruction.kind !== 'ENTRYPOINT') continue;
        if (instruction.command.form === 'exec' || instruction.command.text === '') continue;
        yield finding(
          instruction,
          `JSON arguments recommended for ${instruction.kind} to prevent unintended behavior related to OS signals`,
        );
      }
    }
  },
};
