import { expandWord } from '../parser/expand.js';
import { mapScope } from '../graph/lower/arguments.js';
import type { Dockerfile, Stage, StageInstruction } from '../parser/types.js';
import { maybeContextName } from './named-contexts.js';

/**
 * The names of `--build-context` that nothing in the file says: no FROM, no name of a stage, no `--from` and no
 * `RUN --mount=from`. Stages that the target does not need count too. `names` are full names; FROM sees `globals`.
 */
export function unusedContexts(
  names: Iterable<string>,
  dockerfile: Dockerfile,
  globals: ReadonlyMap<string, string>,
): readonly string[] {
  const said = new Set(
    dockerfile.stages.flatMap((stage) => namesIn(stage, dockerfile, globals)).map(maybeContextName),
  );
  return [...names].filter((name) => !said.has(name));
}

function namesIn(
  { from, instructions }: Stage,
  { directives }: Dockerfile,
  globals: ReadonlyMap<string, string>,
): readonly string[] {
  const base = expandWord(from.image, mapScope(globals), directives.escape);
  return [base, ...(from.as === undefined ? [] : [from.as]), ...instructions.flatMap(sourcesOf)];
}

function sourcesOf(instruction: StageInstruction): readonly string[] {
  if (instruction.kind === 'ONBUILD') return sourcesOf(instruction.instruction);
  if (instruction.kind === 'COPY') return instruction.from === undefined ? [] : [instruction.from];
  if (instruction.kind !== 'RUN') return [];
  return instruction.mounts.flatMap(({ options }) =>
    options.flatMap(([key, value]) => (key === 'from' ? [value] : [])),
  );
}
