import type { ArgInstruction, Stage, StageInstruction } from '../types.js';
import { automaticArgs } from './global-scope.js';
import { finding, type Finding, type Rule } from './rule.js';

/** Ours: the arguments in scope are part of what a RUN is remembered by, whether its command reads them or not. */
export const argBeforeUnrelatedRun: Rule = {
  name: 'ArgBeforeUnrelatedRun',
  description: 'A build argument should be declared behind the steps that do not use it',
  *check({ stages }) {
    for (const stage of stages) yield* findInStage(stage);
  },
};

function* findInStage({ instructions }: Stage): Generator<Finding> {
  for (const [at, instruction] of instructions.entries()) {
    if (instruction.kind !== 'ARG') continue;
    for (const { name } of instruction.args) {
      if (!automaticArgs.includes(name)) yield* findBehind({ instruction, name }, instructions.slice(at + 1));
    }
  }
}

/** Only an argument that something names further down is surely not read by what stands between. */
function* findBehind(
  { instruction, name }: { readonly instruction: ArgInstruction; readonly name: string },
  following: readonly StageInstruction[],
): Generator<Finding> {
  const user = following.findIndex((each) => mentions(each, name));
  const run = following.slice(0, Math.max(user, 0)).find(({ kind }) => kind === 'RUN');
  if (run === undefined) return;
  const message = `Another value of ARG ${name} runs line ${run.range.startLine} again, which does not use it`;
  yield finding(instruction, message, `declare it in front of line ${following[user]?.range.startLine ?? 0}`);
}

/** As a variable, or as a plain word: programs read their environment by name. */
function mentions(instruction: StageInstruction, name: string): boolean {
  const heredocs = 'heredocs' in instruction ? instruction.heredocs : [];
  const texts = [instruction.text, ...heredocs.map(({ content }) => content)];
  return texts.some((text) => text.split(/[^\p{L}\p{N}_]+/u).includes(name));
}
