import { isPredefined } from '../graph/lower/arguments.js';
import { didYouMean } from '../parser/suggest.js';
import type { Dockerfile } from '../parser/types.js';

const automatic = /^(BUILD|TARGET)(PLATFORM|OS|OSVERSION|ARCH|VARIANT)$|^TARGETSTAGE$/;

export interface UnusedArgument {
  readonly name: string;
  /** Names a declared one that is near. */
  readonly hint: string | undefined;
}

/** Build arguments that no ARG of the file declares and that have no meaning of their own. */
export function unusedBuildArguments(
  dockerfile: Dockerfile,
  buildArgs: ReadonlyMap<string, string>,
): readonly UnusedArgument[] {
  const instructions = [
    ...dockerfile.globalArgs,
    ...dockerfile.stages.flatMap(({ instructions: all }) =>
      all.map((i) => (i.kind === 'ONBUILD' ? i.instruction : i)),
    ),
  ];
  const declared = new Set(
    instructions.flatMap((i) => (i.kind === 'ARG' ? i.args.map(({ name }) => name) : [])),
  );
  return [...buildArgs.keys()]
    .filter((name) => !declared.has(name) && !isPredefined(name) && !automatic.test(name))
    .map((name) => ({ name, hint: didYouMean(name, [...declared]) }));
}
