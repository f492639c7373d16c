import type { Instruction } from '../../parser/types.js';
import type { Origin } from '../vertex.js';
import { stageName, type StageContext } from './lowering.js';

/** Name, place and identity of the step that an instruction makes. */
export function stepOrigin(
  instruction: Instruction,
  context: StageContext & { readonly step: number },
): Origin {
  const stage = stageName(context.stage);
  return {
    name: `[${context.label(context.step)}] ${oneLine(instruction.text)}`,
    identity: { dockerfile: context.request.identity, stage, instruction: instruction.text },
    range: instruction.range,
    ignoreCache: context.request.ignoreCache(stage),
  };
}

/** A name fits a line: the rest of a long instruction is cut. */
function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}
