import type { ArgInstruction, Dockerfile, Instruction, MountOption, Stage } from '../../parser/types.js';
import { automaticArgs } from '../../parser/lint/global-scope.js';
import type { SourceRange } from '../../util/source.js';
import type { LoweredStages } from '../lower/lower.js';
import { descriptionOf } from './description.js';
import { neededStages, parentStage } from './needed-stages.js';

export interface ArgumentInfo {
  readonly name: string;
  readonly description: string | undefined;
  readonly value: string | undefined;
  readonly range: SourceRange;
}

export interface MountInfo {
  readonly name: string;
  readonly required: boolean;
  readonly range: SourceRange;
}

/** What the build of a target can be given. */
export interface Outline {
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly args: readonly ArgumentInfo[];
  readonly secrets: readonly MountInfo[];
  readonly ssh: readonly MountInfo[];
}

/**
 * Arguments with their values, secrets and agents of the stages that the target needs, each once by name; also those of
 * triggers of other stages.
 */
export function describeOutline(file: Dockerfile, lowered: LoweredStages): Outline {
  const { globals } = lowered;
  const dockerfile = { ...file, stages: file.stages.map((stage) => triggered(file, stage, globals)) };
  const target = dockerfile.stages[lowered.target.index] ?? lowered.target;
  const stages = neededStages(dockerfile, target, globals);
  const args = [
    ...globalArguments(dockerfile, stages, globals),
    ...stages.flatMap((stage) => stageArguments(dockerfile, stage, lowered)),
  ];
  return {
    name: target.from.as,
    description: descriptionOf(target.from, target.from.as),
    args: [...new Map(args.toReversed().map((arg) => [arg.name, arg])).values()].toReversed(),
    secrets: mountsOf(stages, 'secret'),
    ssh: mountsOf(stages, 'ssh'),
  };
}

/** A stage that begins with the triggers of the one that it is based on, which stand where its FROM does. */
function triggered(file: Dockerfile, stage: Stage, globals: ReadonlyMap<string, string>): Stage {
  const parent = parentStage(file, stage, globals);
  const triggers = (parent?.instructions ?? []).flatMap((one) =>
    one.kind === 'ONBUILD' ? [{ ...one.instruction, range: stage.from.range }] : [],
  );
  return triggers.length === 0 ? stage : { ...stage, instructions: [...triggers, ...stage.instructions] };
}

/** Those before FROM that the stages use: in FROM, or by declaring them without a value. */
function globalArguments(
  { globalArgs }: Dockerfile,
  stages: readonly Stage[],
  globals: ReadonlyMap<string, string>,
): ArgumentInfo[] {
  const used = new Set([
    ...stages.flatMap(({ from }) => namesIn(`${from.image} ${from.platform ?? ''}`)),
    ...stages.flatMap(({ instructions }) => instructions.filter(isArg).flatMap(undecided)),
  ]);
  return globalArgs.flatMap((instruction) =>
    instruction.args
      .filter(({ name }) => used.has(name))
      .map(({ name }) => argument(instruction, name, globals.get(name))),
  );
}

function stageArguments(
  { globalArgs }: Dockerfile,
  { index, instructions }: Stage,
  { states }: LoweredStages,
): ArgumentInfo[] {
  const global = new Set(globalArgs.flatMap(({ args }) => args.map(({ name }) => name)));
  return instructions
    .filter(isArg)
    .flatMap((instruction) =>
      instruction.args
        .filter(
          ({ name, value }) => value !== undefined || (!global.has(name) && !automaticArgs.includes(name)),
        )
        .map(({ name }) => argument(instruction, name, states[index]?.args.get(name))),
    );
}

function argument(instruction: ArgInstruction, name: string, value: string | undefined): ArgumentInfo {
  return { name, description: descriptionOf(instruction, name), value, range: instruction.range };
}

function isArg(instruction: Instruction): instruction is ArgInstruction {
  return instruction.kind === 'ARG';
}

function undecided({ args }: ArgInstruction): string[] {
  return args.filter(({ value }) => value === undefined).map(({ name }) => name);
}

function namesIn(text: string): string[] {
  return Array.from(text.matchAll(/\$\{?([\p{L}_][\p{L}\p{N}_]*)/gu), ([, name = '']) => name);
}

function mountsOf(stages: readonly Stage[], type: 'secret' | 'ssh'): readonly MountInfo[] {
  const found = new Map<string, MountInfo>();
  for (const instruction of stages.flatMap(({ instructions }) => instructions)) {
    if (instruction.kind !== 'RUN') continue;
    for (const mount of instruction.mounts.filter((each) => each.type === type)) {
      const name = mountName(mount);
      const required = found.get(name)?.required === true || isRequired(mount);
      found.set(name, { name, required, range: found.get(name)?.range ?? instruction.range });
    }
  }
  return [...found.values()];
}

function option({ options }: MountOption, wanted: string): string | undefined {
  return options.findLast(([key]) => key === wanted)?.[1];
}

/** A secret without an id has the last name of its source or target. */
function mountName(mount: MountOption): string {
  const id = option(mount, 'id');
  if (id !== undefined) return id;
  if (mount.type === 'ssh') return 'default';
  const path = option(mount, 'source') ?? option(mount, 'target') ?? '';
  return path.slice(path.lastIndexOf('/') + 1);
}

function isRequired(mount: MountOption): boolean {
  const value = option(mount, 'required');
  return value !== undefined && value.toLowerCase() !== 'false' && value !== '0';
}
