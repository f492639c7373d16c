import { Flags } from '../flags.js';
import { InstructionError } from '../instruction-error.js';
import { parseJsonForm } from '../json-form.js';
import { checkStopSignal } from '../stop-signal.js';
import type { WordInstruction, WordsInstruction } from '../types.js';
import { splitBlanks, trim } from '../white-space.js';
import { requireArguments, type RawInstruction } from './raw.js';

/** Instructions whose whole rest of the line is one value. */
function parseWord<K extends 'USER' | 'WORKDIR' | 'STOPSIGNAL' | 'MAINTAINER'>(
  kind: K,
  raw: RawInstruction,
): WordInstruction<K> {
  requireArguments(raw, 'exactly one argument');
  new Flags(raw.flags, {});
  return { kind, ...raw.base, word: raw.args };
}

export const parseUser = (raw: RawInstruction): WordInstruction<'USER'> => parseWord('USER', raw);
export const parseWorkdir = (raw: RawInstruction): WordInstruction<'WORKDIR'> => parseWord('WORKDIR', raw);
export const parseMaintainer = (raw: RawInstruction): WordInstruction<'MAINTAINER'> =>
  parseWord('MAINTAINER', raw);

export function parseStopSignal(raw: RawInstruction): WordInstruction<'STOPSIGNAL'> {
  const instruction = parseWord('STOPSIGNAL', raw);
  if (/^[\w+-]+$/.test(instruction.word)) checkStopSignal(instruction.word);
  return instruction;
}

export function parseExpose(raw: RawInstruction): WordsInstruction<'EXPOSE'> {
  requireArguments(raw);
  new Flags(raw.flags, {});
  return { kind: 'EXPOSE', ...raw.base, words: splitBlanks(raw.args) };
}

export function parseVolume(raw: RawInstruction): WordsInstruction<'VOLUME'> {
  requireArguments(raw);
  new Flags(raw.flags, {});
  const words = (parseJsonForm(raw.args) ?? splitBlanks(raw.args)).map(trim);
  if (words.length === 0) throw new InstructionError('VOLUME requires at least one argument');
  if (words.includes('')) {
    throw new InstructionError('VOLUME specified can not be an empty string');
  }
  return { kind: 'VOLUME', ...raw.base, words };
}
