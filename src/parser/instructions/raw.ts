import type { SourceRange } from '../../util/source.js';
import { lexFlags } from '../flags.js';
import { InstructionError } from '../instruction-error.js';
import type { Heredoc } from '../types.js';
import { cutBlanks, trim } from '../white-space.js';
import type { Escape } from '../words.js';

/** What every typed instruction carries. */
export interface BaseFields {
  readonly range: SourceRange;
  readonly text: string;
  readonly comments: readonly string[];
}

/** An instruction split into keyword, flags and the rest. */
export interface RawInstruction {
  /** Upper-cased. */
  readonly keyword: string;
  /** Words that begin with `--`, unquoted, unchecked. */
  readonly flags: readonly string[];
  readonly args: string;
  readonly escape: Escape;
  readonly heredocs: readonly Heredoc[];
  readonly base: BaseFields;
}

/** Splits one joined line. Flags are taken off every instruction, so that none can be silently ignored. */
export function lexInstruction(
  text: string,
  escape: Escape,
): { readonly keyword: string; readonly flags: readonly string[]; readonly args: string } {
  const { first, rest = '' } = cutBlanks(trim(text));
  const lexed = lexFlags(rest, escape);
  return { keyword: first.toUpperCase(), flags: lexed.flags, args: trim(lexed.rest) };
}

/** @throws InstructionError when an instruction that needs arguments has none */
export function requireArguments(raw: RawInstruction, what = 'at least one argument'): void {
  if (raw.args === '') throw new InstructionError(`${raw.keyword} requires ${what}`);
}
