import { expandWord } from '../../parser/expand.js';
import type { Dockerfile, Stage, StageInstruction } from '../../parser/types.js';
import { mapScope } from '../lower/arguments.js';
import { copyFromStage, fromStage } from '../lower/stages.js';

/** The stages that a target needs, itself included, in the order of the file. FROM words see the `globals`. */
export function neededStages(
  dockerfile: Dockerfile,
  target: Stage,
  globals: ReadonlyMap<string, string>,
): readonly Stage[] {
  const needed = new Set<Stage>();
  const open = [target];
  for (let stage = open.pop(); stage !== undefined; stage = open.pop()) {
    if (needed.has(stage)) continue;
    needed.add(stage);
    const parent = parentStage(dockerfile, stage, globals);
    if (parent !== undefined) open.push(parent);
    for (const instruction of stage.instructions) open.push(...copiedFrom(dockerfile, instruction, stage));
  }
  return dockerfile.stages.filter((stage) => needed.has(stage));
}

/** The stage that a stage is based on. */
export function parentStage(
  dockerfile: Dockerfile,
  stage: Stage,
  globals: ReadonlyMap<string, string>,
): Stage | undefined {
  const base = expandWord(stage.from.image, mapScope(globals), dockerfile.directives.escape);
  return fromStage(dockerfile, base, stage);
}

function copiedFrom(dockerfile: Dockerfile, instruction: StageInstruction, current: Stage): Stage[] {
  const names =
    instruction.kind === 'COPY'
      ? [instruction.from]
      : instruction.kind === 'RUN'
        ? instruction.mounts.map(({ options }) => options.find(([key]) => key === 'from')?.[1])
        : [];
  return names.flatMap((name) =>
    name === undefined ? [] : (copyFromStage(dockerfile, name, current) ?? []),
  );
}
