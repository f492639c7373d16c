import type { Stage } from '../types.js';
import { finding, parentStages, type Rule } from './rule.js';

/** In the shell form the shell is process 1 and gets the stop signal, which it does not pass on. */
export const jsonArgsRecommended: Rule = {
  name: 'JSONArgsRecommended',
  description:
    'JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals',
  *check(dockerfile) {
    const parents = parentStages(dockerfile);
    // A SHELL of its own says that the shell is meant.
    const withShell = new Set<Stage>();
    for (const stage of dockerfile.stages) {
      const parent = parents.get(stage);
      if (parent !== undefined && withShell.has(parent)) withShell.add(stage);
      for (const instruction of stage.instructions) {
        if (instruction.kind === 'SHELL') withShell.add(stage);
        if (instruction.kind !== 'CMD' && instruction.kind !== 'ENTRYPOINT') continue;
        if (instruction.command.form === 'exec' || withShell.has(stage)) continue;
        yield finding(
          instruction,
          `JSON arguments recommended for ${instruction.kind} to prevent unintended behavior related to OS signals`,
        );
      }
    }
  },
};
