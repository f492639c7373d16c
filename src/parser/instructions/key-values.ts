import { Flags } from '../flags.js';
import { InstructionError } from '../instruction-error.js';
import type { ArgInstruction, EnvInstruction, KeyValue, LabelInstruction } from '../types.js';
import { cutBlanks } from '../white-space.js';
import { quotedWords, type Escape } from '../words.js';
import { requireArguments, type RawInstruction } from './raw.js';

/** The pairs of an ENV or LABEL line. */
export interface KeyValues {
  readonly pairs: readonly KeyValue[];
  /** True for the old form `KEY rest of the line`. */
  readonly legacy: boolean;
}

/**
 * `name=value …`, or the old form `name value` where the value is the rest of the line. Keys and values stay
 * as written, quotes included.
 *
 * @throws InstructionError when a word has no `=`, or no name before it
 */
export function parseKeyValues(
  text: string,
  options: { readonly keyword: string; readonly escape: Escape },
): KeyValues {
  const words = quotedWords(text, options.escape);
  const legacy = words[0]?.includes('=') === false;
  const pairs = legacy ? [legacyPair(text, options.keyword)] : words.map(pair);
  if (pairs.some(({ key }) => key === '')) {
    throw new InstructionError(`${options.keyword} names can not be blank`, {
      hint: `write ${options.keyword} name=value`,
    });
  }
  return { pairs, legacy };
}

function legacyPair(text: string, keyword: string): KeyValue {
  const { first, rest } = cutBlanks(text);
  if (rest !== undefined) return { key: first, value: rest };
  throw new InstructionError(`${keyword} must have two arguments`, { hint: `write ${keyword} name=value` });
}

function pair(word: string): KeyValue {
  const equals = word.indexOf('=');
  if (equals >= 0) return { key: word.slice(0, equals), value: word.slice(equals + 1) };
  throw new InstructionError(`can't find = in ${JSON.stringify(word)}, must be of the form: name=value`, {
    hint: 'put a value that contains blanks into double quotes',
  });
}

function pairsOf(raw: RawInstruction): readonly KeyValue[] {
  requireArguments(raw);
  new Flags(raw.flags, {});
  return parseKeyValues(raw.args, raw).pairs;
}

/** `ENV key=value …`: all pairs of one line are expanded with the environment before the line. */
export function parseEnv(raw: RawInstruction): EnvInstruction {
  return { kind: 'ENV', ...raw.base, pairs: pairsOf(raw) };
}

/** `LABEL key=value …` */
export function parseLabel(raw: RawInstruction): LabelInstruction {
  return { kind: 'LABEL', ...raw.base, pairs: pairsOf(raw) };
}

/** `ARG name …` and `ARG name=default …`; values stay as written. */
export function parseArg(raw: RawInstruction): ArgInstruction {
  requireArguments(raw);
  new Flags(raw.flags, {});
  const args = quotedWords(raw.args, raw.escape).map((word) => {
    const equals = word.indexOf('=');
    if (equals === 0)
      throw new InstructionError('ARG names can not be blank', {
        hint: 'write ARG name or ARG name=default',
      });
    return equals < 0 ? { name: word } : { name: word.slice(0, equals), value: word.slice(equals + 1) };
  });
  return { kind: 'ARG', ...raw.base, args };
}
