import { TsbuildError } from './errors.js';
import { pathRunes } from './path-runes.js';

/** One element of a pattern. `star` is a run of anything but `/`, `one` a single character but `/`. */
export type PatternToken =
  | { readonly kind: 'star' }
  | { readonly kind: 'one' }
  | { readonly kind: 'literal'; readonly rune: number }
  | {
      readonly kind: 'class';
      readonly negated: boolean;
      readonly ranges: readonly (readonly [low: number, high: number])[];
    };

const rune = (character: string): number => character.charCodeAt(0);
const slash = rune('/');
const backslash = rune('\\');

/**
 * True when a pattern holds `*`, `?` or `[` that no `\` precedes. Without one COPY takes the text as a path,
 * its backslashes included.
 */
export function hasWildcard(pattern: string): boolean {
  return /^(?:[^\\*?[]|\\.)*[*?[]/s.test(pattern);
}

/**
 * Go's `filepath.Match` on Linux, for byte strings: the whole name must match; `*` and `?` do not match `/`;
 * classes are `[a-z]` and `[^a-z]` and, as in Go, may match `/`; `\` escapes. Linear in pattern times name.
 *
 * @throws TsbuildError `copy` for a malformed pattern, whether or not the name would reach the malformed part
 */
export function goPathMatch(pattern: string, name: string): boolean {
  return matchTokens(parsePathPattern(pattern), pathRunes(name));
}

/** The tokens of a pattern. @throws TsbuildError `copy` for a malformed pattern */
export function parsePathPattern(pattern: string): PatternToken[] {
  const runes = pathRunes(pattern);
  const tokens: PatternToken[] = [];
  for (let at = 0; at < runes.length;) {
    const { token, end } = tokenAt(runes, at) ?? malformed(pattern);
    tokens.push(token);
    at = end;
  }
  return tokens;
}

function malformed(pattern: string): never {
  throw new TsbuildError('copy', `syntax error in pattern ${JSON.stringify(pattern)}`, {
    hint: 'close every [ with ], and write \\[ for a bracket that means itself',
  });
}

interface Read<T> {
  readonly token: T;
  readonly end: number;
}

function tokenAt(runes: readonly number[], at: number): Read<PatternToken> | undefined {
  const first = runes[at] ?? 0;
  if (first === rune('*')) return { token: { kind: 'star' }, end: at + 1 };
  if (first === rune('?')) return { token: { kind: 'one' }, end: at + 1 };
  if (first === rune('[')) return classAt(runes, at + 1);
  if (first !== backslash) return { token: { kind: 'literal', rune: first }, end: at + 1 };
  const escaped = runes[at + 1];
  return escaped === undefined ? undefined : { token: { kind: 'literal', rune: escaped }, end: at + 2 };
}

/**
 * A class from behind its `[`. It is malformed when empty, unclosed, or an end of a range is a bare `-` or
 * `]`.
 */
function classAt(runes: readonly number[], start: number): Read<PatternToken> | undefined {
  const negated = runes[start] === rune('^');
  const ranges: [number, number][] = [];
  let at = negated ? start + 1 : start;
  while (runes[at] !== rune(']') || ranges.length === 0) {
    const low = classRune(runes, at);
    if (low === undefined) return undefined;
    const isRange = runes[low.end] === rune('-');
    const high = isRange ? classRune(runes, low.end + 1) : low;
    if (high === undefined) return undefined;
    ranges.push([low.token, high.token]);
    at = high.end;
  }
  return { token: { kind: 'class', negated, ranges }, end: at + 1 };
}

function classRune(runes: readonly number[], at: number): Read<number> | undefined {
  const first = runes[at];
  if (first === undefined || first === rune('-') || first === rune(']')) return undefined;
  const end = first === backslash ? at + 2 : at + 1;
  const token = runes[end - 1];
  // Go wants the class to go on: a pattern that ends here has no `]`.
  return token === undefined || end >= runes.length ? undefined : { token, end };
}

/** True when one token other than a star matches one character. */
export function matchesRune(token: PatternToken, character: number): boolean {
  switch (token.kind) {
    case 'literal':
      return token.rune === character;
    case 'class':
      return token.ranges.some(([low, high]) => low <= character && character <= high) !== token.negated;
    default:
      return character !== slash;
  }
}

/** Goes back to the last star only, like Go: an earlier star never has to give way. */
function matchTokens(tokens: readonly PatternToken[], name: readonly number[]): boolean {
  let token = 0;
  let at = 0;
  let star: { readonly token: number; at: number } | undefined;
  for (;;) {
    const current = tokens[token];
    const character = name[at];
    if (current?.kind === 'star') {
      star = { token: ++token, at };
    } else if (current === undefined && character === undefined) {
      return true;
    } else if (current !== undefined && character !== undefined && matchesRune(current, character)) {
      token++;
      at++;
    } else {
      const skipped = star === undefined ? undefined : name[star.at];
      if (star === undefined || skipped === undefined || skipped === slash) return false;
      at = ++star.at;
      token = star.token;
    }
  }
}
