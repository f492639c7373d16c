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

/** `USER name[:group]` */
export const parseUser = (raw: RawInstruction): WordInstruction<'USER'> => parseWord('USER', raw);
/** `WORKDIR path`; blanks belong to the path. */
export const parseWorkdir = (raw: RawInstruction): WordInstruction<'WORKDIR'> => parseWord('WORKDIR', raw);
/** `MAINTAINER name` */
export const parseMaintainer = (raw: RawInstruction): WordInstruction<'MAINTAINER'> =>
  parseWord('MAINTAINER', raw);

/** `STOPSIGNAL signal`, checked here unless it holds variables or quotes. */
export function parseStopSignal(raw: RawInstruction): WordInstruction<'STOPSIGNAL'> {
  const instruction = parseWord('STOPSIGNAL', raw);
  if (/^[\w+-]+$/.test(instruction.word)) checkStopSignal(instruction.word);
  return instruction;
}

/** `EXPOSE port …`; the words are split again after expansion, a variable may hold several ports. */
export function parseExpose(raw: RawInstruction): WordsInstruction<'EXPOSE'> {
  requireArguments(raw);
  new Flags(raw.flags, {});
  return { kind: 'EXPOSE', ...raw.base, words: splitBlanks(raw.args) };
}

/** `VOLUME path …` or a JSON array of paths. */
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
