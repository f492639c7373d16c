import { toByteString } from '../util/bytes.js';
import { matchesRune, parsePathPattern, type PatternToken } from '../util/go-path-match.js';
import { pathRunes } from '../util/path-runes.js';

/**
 * Tokens of an ignore pattern. `rest` is `**` at the end: anything, `/` too. `folders` is `**` elsewhere:
 * nothing, or anything up to and with a `/`; it is two states of the automaton, so `inside-folders` follows
 * it.
 */
type Token =
  | PatternToken
  | { readonly kind: 'rest' }
  | { readonly kind: 'folders' }
  | { readonly kind: 'inside-folders' };

const slash = 0x2f;

/** A path as byte string, decoded at most once. */
export class PatternSubject {
  #runes: readonly number[] | undefined;

  constructor(readonly path: string) {}

  get runes(): readonly number[] {
    return (this.#runes ??= pathRunes(this.path));
  }
}

/**
 * One pattern of an ignore file, without `!`, cleaned. It is run as an automaton: time is linear in the path
 * times the pattern whatever they hold.
 */
export class IgnorePattern {
  readonly #tokens: readonly Token[];
  readonly #prefix: string;
  readonly #suffix: string;

  /** @throws TsbuildError `copy` for a malformed pattern */
  constructor(pattern: string) {
    this.#tokens = tokenise(pattern);
    this.#prefix = literals(this.#tokens);
    this.#suffix = literals(this.#tokens.toReversed(), true);
  }

  /** True when the pattern matches this very path. */
  matches(subject: PatternSubject): boolean {
    if (this.#isLiteral) return subject.path === this.#prefix;
    if (!subject.path.startsWith(this.#prefix) || !subject.path.endsWith(this.#suffix)) return false;
    return this.#run(subject.runes)[this.#tokens.length] === 1;
  }

  /** True when the pattern may match some path that begins with this one. */
  mayMatchBelow(prefix: PatternSubject): boolean {
    const common = Math.min(prefix.path.length, this.#prefix.length);
    if (prefix.path.slice(0, common) !== this.#prefix.slice(0, common)) return false;
    return this.#run(prefix.runes).includes(1);
  }

  get #isLiteral(): boolean {
    return this.#tokens.every((token) => token.kind === 'literal');
  }

  /** The states after a path: 1 for each number of tokens that can have matched it. */
  #run(runes: readonly number[]): Uint8Array {
    let states = new Uint8Array(this.#tokens.length + 1);
    this.#enter(states, 0);
    for (const rune of runes) {
      const next = new Uint8Array(states.length);
      let alive = false;
      for (const [state, active] of states.entries()) {
        if (active === 1 && this.#step(next, state, rune)) alive = true;
      }
      states = next;
      if (!alive) break;
    }
    return states;
  }

  /** Enters a state and those that need no character to be reached from it. */
  #enter(states: Uint8Array, first: number): void {
    const pending = [first];
    for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
      if (states[state] === 1) continue;
      states[state] = 1;
      const kind = this.#tokens[state]?.kind;
      if (kind === 'star' || kind === 'rest' || kind === 'folders') pending.push(state + 1);
      if (kind === 'folders') pending.push(state + 2);
    }
  }

  #step(next: Uint8Array, state: number, rune: number): boolean {
    const token = this.#tokens[state];
    if (token === undefined || token.kind === 'folders') return false;
    if (token.kind === 'inside-folders' || token.kind === 'rest') {
      next[state] = 1;
      if (token.kind === 'rest' || rune === slash) this.#enter(next, state + 1);
      return true;
    }
    if (!matchesRune(token, rune)) return false;
    if (token.kind === 'star') this.#enter(next, state);
    else this.#enter(next, state + 1);
    return true;
  }
}

/** The bytes of the literal tokens at the beginning (or end) of a pattern. */
function literals(tokens: readonly Token[], backwards = false): string {
  const runes: number[] = [];
  for (const token of tokens) {
    if (token.kind !== 'literal') break;
    runes.push(token.rune);
  }
  if (backwards) runes.reverse();
  return toByteString(runes.map((rune) => String.fromCodePoint(rune)).join(''));
}

function tokenise(pattern: string): Token[] {
  const plain = parsePathPattern(toByteString(pattern));
  const tokens: Token[] = [];
  for (let at = 0; at < plain.length; at++) {
    const token = plain[at];
    if (token?.kind !== 'star' || plain[at + 1]?.kind !== 'star') {
      if (token !== undefined) tokens.push(token);
      continue;
    }
    at++;
    const folder = isSlash(plain[at + 1]);
    if (folder) at++;
    const rest = plain.slice(at + 1);
    if (rest.length === 0) tokens.push({ kind: 'rest' });
    else if (tokens.length === 0 && !folder && isPlain(rest, pattern)) tokens.push({ kind: 'rest' });
    else tokens.push({ kind: 'folders' }, { kind: 'inside-folders' });
  }
  return tokens;
}

function isSlash(token: PatternToken | undefined): boolean {
  return token?.kind === 'literal' && token.rune === slash;
}

/** `**.log` matches by its end alone, unless something else in the pattern is special. */
function isPlain(rest: readonly PatternToken[], pattern: string): boolean {
  return rest.every((token) => token.kind === 'literal') && !/[\\\]]/.test(pattern);
}
