import type { Instruction, Stage } from '../../parser/types.js';
import { durationOf } from '../../util/duration.js';
import { TsbuildError } from '../../util/errors.js';
import type { Origin } from '../vertex.js';
import { stageName, type StageContext } from './lowering.js';
import { withoutUserInformation } from '../../util/user-information.js';

/** Name, place and identity of the step that an instruction makes. */
export function stepOrigin(
  instruction: Instruction,
  context: StageContext & { readonly step: number },
): Origin {
  const stage = stageName(context.stage);
  const text = instruction.kind === 'ADD' ? withoutUserInformation(instruction.text) : instruction.text;
  return {
    name: `[${context.label(context.step)}] ${oneLine(text)}`,
    identity: {
      dockerfile: context.request.identity,
      stage,
      instruction: text,
      place: placeOf(instruction, context.stage),
    },
    range: instruction.range,
    ignoreCache: context.request.ignoreCache(stage, instruction.range),
    ttl: lifetimeOf(instruction),
  };
}

/** `RUN 3`: the third RUN of its stage; a trigger of the base has no place of its own. */
function placeOf(instruction: Instruction, { instructions }: Stage): string {
  const alike = instructions.filter(({ kind }) => kind === instruction.kind);
  return `${instruction.kind} ${alike.findIndex((other) => other === instruction) + 1}`;
}

/** `# tsbuild:ttl=24h` directly above an instruction: how long its cached result counts, in milliseconds. */
function lifetimeOf({ comments }: Instruction): number | undefined {
  const [, text] = comments.map((comment) => /^tsbuild:ttl=(.*)$/.exec(comment)).findLast(Boolean) ?? [];
  if (text === undefined) return undefined;
  const lifetime = durationOf(text.trim());
  if (lifetime !== undefined) return lifetime;
  throw new TsbuildError('dockerfile', `tsbuild:ttl takes a duration, not ${JSON.stringify(text)}`, {
    hint: 'write it as 30m, 24h or 7d',
  });
}

/** A name fits a line: the rest of a long instruction is cut. */
function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}
