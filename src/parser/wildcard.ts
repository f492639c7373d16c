import { InstructionError } from './instruction-error.js';

/**
 * Patterns of `${name#pattern}` and its siblings: `*` any run of characters, `?` one character, everything
 * else is literal (brackets too). Characters are code points.
 */
type Unit = { readonly literal: string } | 'any';

/** A parsed pattern. */
export interface Wildcard {
  /** What stands between the stars: one segment more than there are stars. */
  readonly segments: readonly (readonly Unit[])[];
}

/** A place in a value: start inclusive, end exclusive, in code points. */
export interface Match {
  readonly start: number;
  readonly end: number;
}

/**
 * Counts comparisons, so that a caller can bound the work of a hostile pattern; throws when too much is
 * spent.
 */
export type Spend = (steps: number) => void;

/**
 * @throws InstructionError for an escape of anything but `*`, `?`, `\`, `}` and `/`
 */
export function parseWildcard(pattern: string): Wildcard {
  const segments: Unit[][] = [];
  let segment: Unit[] = [];
  segments.push(segment);
  const characters = Array.from(pattern);
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    if (character === '*') {
      segment = [];
      segments.push(segment);
    } else if (character === '?') {
      segment.push('any');
    } else {
      segment.push({ literal: character === '\\' ? escaped(characters[++at], pattern) : character });
    }
  }
  return { segments };
}

function escaped(character: string | undefined, pattern: string): string {
  if (character !== undefined && '*?\\}/'.includes(character)) return character;
  throw new InstructionError(
    `invalid escape ${JSON.stringify(`\\${character ?? ''}`)} in the pattern ${JSON.stringify(pattern)}`,
    {
      hint: 'only \\*, \\?, \\\\, \\} and \\/ can be escaped',
    },
  );
}

/** The same pattern for the value read backwards. */
export function reversed(wildcard: Wildcard): Wildcard {
  return { segments: wildcard.segments.map((segment) => segment.toReversed()).toReversed() };
}

/** Length of the shortest or longest prefix that the pattern matches. */
export function prefixLength(
  wildcard: Wildcard,
  value: readonly string[],
  options: { readonly longest: boolean; readonly spend: Spend },
): number | undefined {
  const [first = []] = wildcard.segments;
  if (!matchesAt(first, value, { at: 0, spend: options.spend })) return undefined;
  return restEnd(wildcard, value, { ...options, from: first.length });
}

/** The first place at or after `from` that matches; stars take as much as they can. */
export function findMatch(
  wildcard: Wildcard,
  value: readonly string[],
  options: { readonly from: number; readonly spend: Spend },
): Match | undefined {
  const [first = []] = wildcard.segments;
  const start = indexOf(first, value, options);
  if (start === undefined) return undefined;
  // When the rest cannot follow the first place, it cannot follow a later one either.
  const end = restEnd(wildcard, value, { longest: true, from: start + first.length, spend: options.spend });
  return end === undefined ? undefined : { start, end };
}

/** End of the match of all segments but the first, the stars before them starting at `from`. */
function restEnd(
  wildcard: Wildcard,
  value: readonly string[],
  options: { readonly longest: boolean; readonly from: number; readonly spend: Spend },
): number | undefined {
  const rest = wildcard.segments.slice(1);
  const last = rest.pop();
  if (last === undefined) return options.from;
  let at = options.from;
  for (const segment of rest) {
    const found = indexOf(segment, value, { from: at, spend: options.spend });
    if (found === undefined) return undefined;
    at = found + segment.length;
  }
  const search = options.longest ? lastIndexOf : indexOf;
  const found = search(last, value, { from: at, spend: options.spend });
  return found === undefined ? undefined : found + last.length;
}

interface Search {
  readonly from: number;
  readonly spend: Spend;
}

function indexOf(
  segment: readonly Unit[],
  value: readonly string[],
  { from, spend }: Search,
): number | undefined {
  for (let at = from; at + segment.length <= value.length; at++) {
    if (matchesAt(segment, value, { at, spend })) return at;
  }
  return undefined;
}

function lastIndexOf(
  segment: readonly Unit[],
  value: readonly string[],
  { from, spend }: Search,
): number | undefined {
  for (let at = value.length - segment.length; at >= from; at--) {
    if (matchesAt(segment, value, { at, spend })) return at;
  }
  return undefined;
}

function matchesAt(
  segment: readonly Unit[],
  value: readonly string[],
  { at, spend }: { readonly at: number; readonly spend: Spend },
): boolean {
  if (at + segment.length > value.length) return false;
  for (const [offset, unit] of segment.entries()) {
    if (unit !== 'any' && unit.literal !== value[at + offset]) {
      spend(offset + 1);
      return false;
    }
  }
  spend(segment.length + 1);
  return true;
}

/** The value with the first match, or every match, replaced by literal text. */
export function replaceMatches(
  wildcard: Wildcard,
  value: readonly string[],
  options: {
    readonly replacement: string;
    readonly all: boolean;
    readonly spend: Spend;
    readonly limit: number;
  },
): string {
  let result = '';
  let copied = 0;
  let from = 0;
  while (from <= value.length) {
    const match = findMatch(wildcard, value, { from, spend: options.spend });
    if (match === undefined) break;
    result += value.slice(copied, match.start).join('');
    // An empty match that touches the match before it is none (Go's ReplaceAll).
    if (match.end > copied || match.start === 0) result += options.replacement;
    if (result.length > options.limit) break;
    copied = match.end;
    from = Math.max(match.end, from + 1);
    if (!options.all) break;
  }
  return result + value.slice(copied).join('');
}
