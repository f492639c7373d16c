import { InstructionError } from './instruction-error.js';
import { maxValueLength } from './scope.js';
import { parseWildcard, prefixLength, replaceMatches, reversed, type Spend } from './wildcard.js';

/** What `${name…}` asks for beyond the value itself. Words and patterns are already expanded. */
export type Substitution =
  | { readonly kind: '-' | '+' | '?'; readonly emptyIsUnset: boolean; readonly word: string }
  | { readonly kind: '#' | '%'; readonly longest: boolean; readonly pattern: string }
  | {
      readonly kind: 'replace';
      readonly all: boolean;
      readonly pattern: string;
      readonly replacement: string;
    };

/** The variable that `${…}` names; `value` is undefined when it is unset. */
export interface Variable {
  readonly name: string;
  readonly value: string | undefined;
  readonly spend: Spend;
}

/**
 * The text that a modified variable stands for.
 *
 * @throws InstructionError when `?` demands a value that is missing, for bad patterns and for results that
 *   are too long
 */
export function substitute(variable: Variable, substitution: Substitution): string {
  switch (substitution.kind) {
    case '-':
      return isMissing(variable, substitution.emptyIsUnset) ? substitution.word : (variable.value ?? '');
    case '+':
      return isMissing(variable, substitution.emptyIsUnset) ? '' : substitution.word;
    case '?':
      return demand(variable, substitution);
    case '#':
    case '%':
      return trimmed(variable, substitution);
    case 'replace':
      return replaced(variable, substitution);
  }
}

function isMissing({ value }: Variable, emptyIsUnset: boolean): boolean {
  return value === undefined || (emptyIsUnset && value === '');
}

function demand(variable: Variable, { emptyIsUnset, word }: { emptyIsUnset: boolean; word: string }): string {
  if (!isMissing(variable, emptyIsUnset)) return variable.value ?? '';
  const reason = variable.value === undefined ? 'is not allowed to be unset' : 'is not allowed to be empty';
  throw new InstructionError(`${variable.name}: ${word === '' ? reason : word}`);
}

function trimmed(
  { value = '', spend }: Variable,
  { kind, longest, pattern }: { kind: '#' | '%'; longest: boolean; pattern: string },
): string {
  spend(value.length);
  const wildcard = parseWildcard(pattern);
  const characters = Array.from(value);
  if (kind === '#') {
    return characters.slice(prefixLength(wildcard, characters, { longest, spend }) ?? 0).join('');
  }
  const length = prefixLength(reversed(wildcard), characters.toReversed(), { longest, spend }) ?? 0;
  return characters.slice(0, characters.length - length).join('');
}

function replaced(
  { value = '', spend }: Variable,
  { all, pattern, replacement }: { all: boolean; pattern: string; replacement: string },
): string {
  spend(value.length);
  const options = { replacement, all, spend, limit: maxValueLength };
  return replaceMatches(parseWildcard(pattern), Array.from(value), options);
}
