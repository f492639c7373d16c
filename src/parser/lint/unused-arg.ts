import { controlArguments } from '../control-arguments.js';
import type { Dockerfile, Instruction, Stage } from '../types.js';
import { automaticArgs } from './global-scope.js';
import { finding, parentStages, type Finding, type Rule } from './rule.js';

/**
 * Ours: an ARG before FROM is seen by FROM lines and by stages that declare it again; one of a stage is also a
 * variable of every RUN that follows.
 */
export const unusedArg: Rule = {
  name: 'UnusedArg',
  description: 'A build argument that is declared should be used',
  *check(dockerfile) {
    yield* unusedGlobals(dockerfile);
    yield* unusedInStages(dockerfile);
  },
};

function* unusedGlobals({ globalArgs, stages }: Dockerfile): Generator<Finding> {
  const used = new Set([...automaticArgs, ...controlArguments]);
  for (const instruction of globalArgs) addMentioned(instruction, used);
  for (const { from, instructions } of stages) {
    addMentioned(from, used);
    for (const each of instructions) for (const name of declaredBy(each)) used.add(name);
  }
  for (const instruction of globalArgs) {
    for (const name of declaredBy(instruction)) {
      if (!used.has(name)) {
        yield finding(instruction, `ARG ${name} is used by no FROM and declared by no stage`);
      }
    }
  }
}

/** What reads variables behind a place: names in words, and commands, which see all of them. */
interface Readers {
  readonly names: Set<string>;
  runs: boolean;
}

function* unusedInStages(dockerfile: Dockerfile): Generator<Finding> {
  const parents = parentStages(dockerfile);
  const heirs = new Map<Stage, Readers>();
  for (const stage of dockerfile.stages.toReversed()) {
    const readers = heirs.get(stage) ?? { names: new Set<string>(), runs: false };
    yield* unusedInStage(stage, readers);
    const parent = parents.get(stage);
    if (parent !== undefined) heirs.set(parent, joined(heirs.get(parent), readers));
  }
}

/** Walks a stage from its end; `readers` grows. */
function* unusedInStage({ instructions }: Stage, readers: Readers): Generator<Finding> {
  for (const instruction of instructions.toReversed()) {
    addMentioned(instruction, readers.names);
    if (runsCommands(instruction)) readers.runs = true;
    if (readers.runs || instruction.kind !== 'ARG') continue;
    for (const name of declaredBy(instruction)) {
      if (!readers.names.has(name) && !controlArguments.includes(name)) {
        yield finding(instruction, `ARG ${name} is used by no later instruction of its stage`);
      }
    }
  }
}

/** The smaller set goes into the larger one: long chains of stages stay cheap. */
function joined(one: Readers | undefined, other: Readers): Readers {
  if (one === undefined) return other;
  const [large, small] = one.names.size > other.names.size ? [one, other] : [other, one];
  for (const name of small.names) large.names.add(name);
  return { names: large.names, runs: one.runs || other.runs };
}

function declaredBy(instruction: Instruction): readonly string[] {
  if (instruction.kind === 'ONBUILD') return declaredBy(instruction.instruction);
  return instruction.kind === 'ARG' ? instruction.args.map(({ name }) => name) : [];
}

function runsCommands(instruction: Instruction): boolean {
  if (instruction.kind === 'ONBUILD') return runsCommands(instruction.instruction);
  return instruction.kind === 'RUN';
}

/** Adds the names that words and heredocs read: `$NAME`, `${NAME…`. */
function addMentioned(instruction: Instruction, names: Set<string>): void {
  const heredocs = 'heredocs' in instruction ? instruction.heredocs : [];
  for (const text of [instruction.text, ...heredocs.map(({ content }) => content)]) {
    for (const [, name = ''] of text.matchAll(/\$\{?([\p{L}_][\p{L}\p{N}_]*)/gu)) names.add(name);
  }
}
