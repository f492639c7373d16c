import { InstructionError } from './instruction-error.js';
import { didYouMean } from './suggest.js';
import { isSpace } from './white-space.js';
import type { Escape } from './words.js';

/** An instruction's arguments without its flags. */
export interface LexedFlags {
  /** Words that begin with `--`, quotes and escapes removed. */
  readonly flags: readonly string[];
  readonly rest: string;
}

/** Takes the leading `--x` words off an instruction's arguments; a word `--` ends them and is dropped. */
export function lexFlags(text: string, escape: Escape): LexedFlags {
  const flags: string[] = [];
  let at = skipSpace(text, 0);
  while (text.startsWith('--', at)) {
    const { word, end } = flagWord(text, at, escape);
    at = end;
    if (word === '--') break;
    flags.push(word);
    at = skipSpace(text, at);
  }
  return { flags, rest: text.slice(at) };
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && isSpace(text.charAt(at))) at++;
  return at;
}

function flagWord(text: string, start: number, escape: Escape): { word: string; end: number } {
  let word = '';
  let quote: string | undefined;
  let at = start;
  for (; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote === undefined && isSpace(character)) break;
    if (character === quote) quote = undefined;
    else if (quote === undefined && (character === '"' || character === "'")) quote = character;
    else if (character === escape) word += text.charAt(++at);
    else word += character;
  }
  return { word, end: at };
}

/** `list` flags may be repeated; `boolean` flags need no value. */
export type FlagKind = 'boolean' | 'string' | 'list';

/** Values of the flags of one instruction. */
export class Flags {
  readonly #values = new Map<string, string[]>();

  /**
   * Checks lexed flags against the ones that an instruction has.
   *
   * @throws InstructionError for an unknown or repeated flag and for a missing or wrong value
   */
  constructor(words: readonly string[], known: Readonly<Record<string, FlagKind>>) {
    const kinds = new Map(Object.entries(known));
    for (const word of words) {
      const equals = word.indexOf('=');
      const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
      const kind = kinds.get(name);
      if (kind === undefined) throw unknownFlag(name, [...kinds.keys()]);
      const values = this.#values.get(name) ?? [];
      if (values.length > 0 && kind !== 'list')
        throw flagError(name, `duplicate flag specified: --${name}`, 'give it once');
      const value = equals < 0 ? undefined : word.slice(equals + 1);
      values.push(kind === 'boolean' ? boolean(name, value) : text(name, value));
      this.#values.set(name, values);
    }
  }

  string(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  list(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  boolean(name: string): boolean | undefined {
    const value = this.string(name);
    return value === undefined ? undefined : value === 'true';
  }
}

function flagError(name: string, message: string, hint?: string): InstructionError {
  return new InstructionError(message, { hint, part: { flag: name } });
}

function unknownFlag(name: string, known: readonly string[]): InstructionError {
  const flags = known.map((flag) => `--${flag}`);
  const hint =
    didYouMean(`--${name}`, flags) ??
    (flags.length === 0
      ? 'this instruction has no flags; write -- before an argument that begins with --'
      : undefined);
  return flagError(
    name,
    `unknown flag: --${name}`,
    hint ?? `flags of this instruction are ${flags.join(', ')}`,
  );
}

function text(name: string, value: string | undefined): string {
  if (value === undefined)
    throw flagError(name, `missing a value on flag: --${name}`, `write --${name}=<value>`);
  return value;
}

function boolean(name: string, value: string | undefined): string {
  if (value === undefined) return 'true';
  if (value === '')
    throw flagError(name, `missing a value on flag: --${name}`, `write --${name} or --${name}=true`);
  const lower = value.toLowerCase();
  if (lower !== 'true' && lower !== 'false') {
    throw flagError(
      name,
      `expecting boolean value for flag --${name}, not: ${JSON.stringify(value)}`,
      `write --${name} or --${name}=false`,
    );
  }
  return lower;
}
