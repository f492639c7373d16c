import type { Stage } from '../types.js';
import { finding, type Finding, type Rule } from './rule.js';

/** A relative path counts from the base image's working directory, which may change with the base. */
export const workdirRelativePath: Rule = {
  name: 'WorkdirRelativePath',
  description:
    'Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes',
  *check({ stages }) {
    const absolute = new Map<string, boolean>();
    for (const stage of stages) {
      const findings: Finding[] = [];
      const inherited = absolute.get(stage.from.image.toLowerCase()) ?? false;
      const known = walk(stage, inherited, findings);
      if (stage.from.as !== undefined) absolute.set(stage.from.as, known);
      yield* findings;
    }
  },
};

/** Whether the stage's working directory is known at its end. A variable may hold an absolute path. */
function walk({ instructions }: Stage, inherited: boolean, findings: Finding[]): boolean {
  let known = inherited;
  for (const instruction of instructions) {
    if (instruction.kind !== 'WORKDIR') continue;
    if (!known && !/^["']?[/$]/.test(instruction.word)) {
      findings.push(
        finding(
          instruction,
          `Relative workdir ${JSON.stringify(instruction.word)} can have unexpected results if the base image changes`,
        ),
      );
    }
    known = true;
  }
  return known;
}
