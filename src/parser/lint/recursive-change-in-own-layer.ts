import { finding, type Rule } from './rule.js';
import { commandText, simpleCommands } from './shell-commands.js';

/** Ours: a layer holds whole files, so every file whose owner or mode changes is stored a second time. */
export const recursiveChangeInOwnLayer: Rule = {
  name: 'RecursiveChangeInOwnLayer',
  description: 'A RUN that only changes owners or modes stores the files again',
  *check({ stages }) {
    for (const instruction of stages.flatMap(({ instructions }) => instructions)) {
      if (instruction.kind !== 'RUN') continue;
      const commands = simpleCommands(commandText(instruction));
      const tool = commands.map(recursiveTool);
      if (tool[0] === undefined || tool.includes(undefined)) continue;
      yield finding(
        instruction,
        `A layer of its own for ${tool[0]} holds every changed file again`,
        tool[0] === 'chown'
          ? 'use COPY --chown, or change the owner in the RUN that makes the files'
          : 'use COPY --chmod, or change the mode in the RUN that makes the files',
      );
    }
  },
};

/** `chown` or `chmod` when the command is one that changes a whole folder. */
function recursiveTool([tool, ...args]: readonly string[]): 'chown' | 'chmod' | undefined {
  if (tool !== 'chown' && tool !== 'chmod') return undefined;
  const recursive = args.some((arg) => arg === '--recursive' || /^-[A-Za-z]*R[A-Za-z]*$/.test(arg));
  return recursive ? tool : undefined;
}
