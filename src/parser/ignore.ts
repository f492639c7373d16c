import { posix } from 'node:path';
import { TsbuildError } from '../util/errors.js';
import { IgnorePattern, PatternSubject } from './ignore-pattern.js';
import { splitLines } from './physical-lines.js';
import { trim } from './white-space.js';

/** What an ignore file says of one path. */
export interface IgnoreVerdict {
  readonly excluded: boolean;
  /** The pattern that decided, as written; absent when none matched. */
  readonly pattern?: string | undefined;
  /** Its line in the ignore file, from 1. */
  readonly line?: number | undefined;
}

/** A compiled list of patterns. Asking it remembers directories, so a walk costs each of them once. */
export interface IgnoreMatcher {
  /** As written, in order. */
  readonly patterns: readonly string[];
  /** The ignore file as shown to people; undefined for rules of another origin. */
  readonly file: string | undefined;
  /**
   * The last pattern that matches the path or any of its parents decides. The root itself is never excluded.
   *
   * @param path byte string, relative, separated by `/`
   */
  match(path: string): IgnoreVerdict;
  /** False when nothing below a directory can be included: then it need not be walked. */
  mayIncludeBelow(dir: string): boolean;
}

interface Rule {
  readonly written: string;
  readonly line: number | undefined;
  readonly include: boolean;
  readonly pattern: IgnorePattern;
}

/**
 * Reads a .dockerignore: one pattern a line, `#` at the very beginning for comments, `!` for exceptions; `/a`
 * is `a`. `file` is what people know it by.
 *
 * @throws TsbuildError `context` for a malformed pattern and for a lone `!`
 */
export function parseIgnoreFile(text: string, file = '.dockerignore'): IgnoreMatcher {
  const rules: Rule[] = [];
  for (const [index, line] of splitLines(text).entries()) {
    if (line.text.startsWith('#')) continue;
    const rule = inContext(() => parseRule(line.text, index + 1), `line ${index + 1} of ${file}`);
    if (rule !== undefined) rules.push(rule);
  }
  return new Matcher(rules, file);
}

/**
 * The same rules for a list of patterns (`COPY --exclude`).
 *
 * @throws TsbuildError `copy` for a malformed pattern and for a lone `!`
 */
export function createIgnoreMatcher(patterns: readonly string[]): IgnoreMatcher {
  return new Matcher(
    patterns.flatMap((pattern) => parseRule(pattern, undefined) ?? []),
    undefined,
  );
}

function inContext<T>(parse: () => T, place: string): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof TsbuildError)) throw error;
    throw new TsbuildError('context', `${place}: ${error.message}`, {
      hint: error.hint,
      cause: error,
    });
  }
}

function parseRule(text: string, line: number | undefined): Rule | undefined {
  const written = trim(text);
  if (written === '') return undefined;
  const include = written.startsWith('!');
  const bare = include ? trim(written.slice(1)) : written;
  if (bare === '') {
    throw new TsbuildError('copy', 'illegal exclusion pattern: "!"', {
      hint: 'write the path to keep behind the !',
    });
  }
  return { written, line, include, pattern: new IgnorePattern(cleaned(bare)) };
}

/** Lexically shortest form, without the slashes at both ends. */
function cleaned(pattern: string): string {
  const normal = posix.normalize(pattern);
  return normal === '/' ? normal : normal.replace(/\/$/, '').replace(/^\//, '');
}

/** Directories whose matches are remembered; a walk needs those of its current branch only. */
const rememberedDirectories = 4096;

class Matcher implements IgnoreMatcher {
  readonly #parents = new Map<string, Uint8Array>();

  constructor(
    private readonly rules: readonly Rule[],
    readonly file: string | undefined,
  ) {}

  get patterns(): readonly string[] {
    return this.rules.map(({ written }) => written);
  }

  match(path: string): IgnoreVerdict {
    const decider = this.#decider(path);
    const rule = decider === undefined ? undefined : this.rules[decider];
    if (rule === undefined) return { excluded: false };
    return { excluded: !rule.include, pattern: rule.written, line: rule.line };
  }

  mayIncludeBelow(dir: string): boolean {
    const decider = this.#decider(dir);
    if (decider === undefined || this.rules[decider]?.include === true) return true;
    // An earlier exception cannot win: the rule that excludes the directory matches everything below it too.
    const below = new PatternSubject(`${dir}/`);
    return this.rules
      .slice(decider + 1)
      .some(({ include, pattern }) => include && pattern.mayMatchBelow(below));
  }

  /** Index of the last rule that matches a path or a parent. */
  #decider(path: string): number | undefined {
    if (this.rules.length === 0 || path === '' || path === '.') return undefined;
    const slash = path.lastIndexOf('/');
    const inherited = slash > 0 ? this.#matchesOf(path.slice(0, slash)) : undefined;
    const subject = new PatternSubject(path);
    for (let index = this.rules.length - 1; index >= 0; index--) {
      if (inherited?.[index] === 1 || this.rules[index]?.pattern.matches(subject) === true) return index;
    }
    return undefined;
  }

  /** For each rule whether it matches a directory or one of its parents. */
  #matchesOf(dir: string): Uint8Array {
    let matches: Uint8Array = new Uint8Array(this.rules.length);
    for (let end = dir.indexOf('/'); ; end = dir.indexOf('/', end + 1)) {
      const path = end < 0 ? dir : dir.slice(0, end);
      matches = this.#parents.get(path) ?? this.#extend(matches, path);
      if (end < 0) return matches;
    }
  }

  #extend(inherited: Uint8Array, path: string): Uint8Array {
    const subject = new PatternSubject(path);
    const matches = Uint8Array.from(this.rules, ({ pattern }, index) =>
      inherited[index] === 1 || pattern.matches(subject) ? 1 : 0,
    );
    if (this.#parents.size >= rememberedDirectories) this.#parents.clear();
    this.#parents.set(path, matches);
    return matches;
  }
}
