import type { ArgInstruction, Dockerfile, FromInstruction } from '../types.js';
import { finding, type Rule } from './rule.js';
import { nameAndAs } from './stage-name-casing.js';

/** Comments above ARG and named FROM lines are their descriptions in `--call outline` and `--call targets`. */
export const invalidDefinitionDescription: Rule = {
  name: 'InvalidDefinitionDescription',
  description:
    'Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.',
  experimental: true,
  *check(dockerfile) {
    for (const instruction of definitions(dockerfile)) {
      const names = namesOf(instruction);
      const [word] = instruction.comments.at(-1)?.split(' ') ?? [];
      if (word === undefined || names.length === 0 || names.includes(word)) continue;
      const example = names.length > 1 ? '<arg_key>' : names.join('');
      yield finding(
        instruction,
        `Comment for ${instruction.kind} should follow the format: \`# ${example} <description>\``,
      );
    }
  },
};

function definitions({ globalArgs, stages }: Dockerfile): (ArgInstruction | FromInstruction)[] {
  const own = stages.flatMap(({ from, instructions }) => [
    from,
    ...instructions.filter((each) => each.kind === 'ARG'),
  ]);
  return [...globalArgs, ...own];
}

function namesOf(instruction: ArgInstruction | FromInstruction): readonly string[] {
  if (instruction.kind === 'ARG') return instruction.args.map(({ name }) => name);
  const { name } = nameAndAs(instruction);
  return name === undefined ? [] : [name];
}
