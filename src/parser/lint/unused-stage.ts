import type { Dockerfile, StageInstruction } from '../types.js';
import { finding, type Rule } from './rule.js';

/** Ours: a stage without a name that nothing refers to by number, and that is not the last, is never built. */
export const unusedStage: Rule = {
  name: 'UnusedStage',
  description: 'A stage without a name should be used by another one or be the last',
  *check(dockerfile) {
    const used = usedNumbers(dockerfile);
    for (const { index, from } of dockerfile.stages.slice(0, -1)) {
      if (from.as !== undefined || used.has(String(index))) continue;
      yield finding(
        from,
        `Stage ${index} has no name and no other stage uses it`,
        'name it with AS, or remove it',
      );
    }
  },
};

/** A number in a mount would be the name of an image. */
function usedNumbers({ stages }: Dockerfile): Set<string> {
  const copies = stages.flatMap(({ instructions }) => instructions.map(copySource));
  return new Set(copies.filter((name) => name !== undefined));
}

function copySource(instruction: StageInstruction): string | undefined {
  if (instruction.kind === 'ONBUILD') return copySource(instruction.instruction);
  return instruction.kind === 'COPY' ? instruction.from : undefined;
}
