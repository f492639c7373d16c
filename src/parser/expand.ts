import { Expander } from './expander.js';
import type { Scope } from './scope.js';
import type { Escape } from './words.js';

/** The variables that expansion sees. */
export type { Scope } from './scope.js';

/**
 * A word as it counts: quotes and escapes removed, variables replaced. Blanks in values stay.
 *
 * @throws TsbuildError `dockerfile`, without a range, for bad syntax, `${x?message}` of an unset variable,
 *   and values that grow beyond 1 MiB or nest too deep
 */
export function expandWord(word: string, scope: Scope, escape: Escape): string {
  return new Expander(word, scope, { escape, quotes: 'remove' }).expand().text;
}

/**
 * The words of a text after its variables are replaced: blanks in values split too, quoted and escaped ones
 * do not (EXPOSE). Empty words are dropped. Errors are those of `expandWord`.
 */
export function expandWords(text: string, scope: Scope, escape: Escape): string[] {
  return [...new Expander(text, scope, { escape, quotes: 'remove' }).expand().words];
}

/**
 * A heredoc's body with its variables replaced. Quotes are text, `\x` becomes `x` for every x; the escape
 * character is the backslash whatever the file's directive says. Errors are those of `expandWord`.
 */
export function expandHeredoc(content: string, scope: Scope): string {
  return new Expander(content, scope, { escape: '\\', quotes: 'literal' }).expand().text;
}
