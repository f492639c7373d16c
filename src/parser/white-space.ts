/**
 * White space as the reference implementation sees it: Go's `unicode.IsSpace` when trimming and quoting, a
 * smaller set when splitting into words.
 */
const spaces = '\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const space = new RegExp(`[${spaces}]`);
const leading = new RegExp(`^[${spaces}]+`);

/** True for one UTF-16 unit that Go's `unicode.IsSpace` accepts. */
export function isSpace(character: string): boolean {
  return space.test(character);
}

/** Without leading white space (Go's `unicode.IsSpace`, not JavaScript's). */
export function trimStart(text: string): string {
  return text.replace(leading, '');
}

/** Without trailing white space. */
export function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** Without white space at both ends. */
export function trim(text: string): string {
  return trimEnd(trimStart(text));
}

/**
 * Words between runs of tab, vertical tab, form feed, carriage return and space; quotes mean nothing here.
 */
export function splitBlanks(text: string): string[] {
  return text.split(/[\t\v\f\r ]+/).filter((word) => word !== '');
}

/**
 * The first word and what follows the run of blanks after it; `rest` is undefined when there is no such run.
 */
export function cutBlanks(text: string): { readonly first: string; readonly rest: string | undefined } {
  const blanks = /[\t\v\f\r ]+/.exec(text);
  if (blanks === null) return { first: text, rest: undefined };
  return { first: text.slice(0, blanks.index), rest: text.slice(blanks.index + blanks[0].length) };
}
