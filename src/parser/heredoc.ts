import type { Heredoc } from './types.js';
import { isSpace } from './white-space.js';

/** A `<<WORD` on an instruction's line, before its body is read. */
export type HeredocMarker = Omit<Heredoc, 'content'>;

/**
 * The heredocs that a line announces, in order. Blanks between `<<` and the delimiter belong to it. Quoted
 * text, an arithmetic `$((1 << 2))` and `<<<` announce nothing; nor does any line whose quotes are
 * unbalanced.
 */
export function findHeredocs(line: string): HeredocMarker[] {
  if (!line.includes('<<')) return [];
  const words = rawWords(line) ?? [];
  return words.flatMap((word) => heredocMarker(word) ?? []);
}

/** The heredoc that one raw word (quotes kept) announces, if it does. */
export function heredocMarker(word: string): HeredocMarker | undefined {
  const [, fd = '', dash, delimiter = ''] = /^(\d*)<<(-?)\s*([^<]*)$/.exec(word) ?? [];
  if (dash === undefined || delimiter === '') return undefined;
  const unquoted = unquote(delimiter);
  if (unquoted === undefined || unquoted.name === '') return undefined;
  return { name: unquoted.name, expand: !unquoted.quoted, chomp: dash === '-', fd: Number(fd) };
}

/** The delimiter without quotes and escapes; undefined for more than one word and for unbalanced quotes. */
function unquote(delimiter: string): { name: string; quoted: boolean } | undefined {
  let name = '';
  let quoted = false;
  let quote: string | undefined;
  for (let at = 0; at < delimiter.length; at++) {
    const character = delimiter.charAt(at);
    if (character === quote) {
      quote = undefined;
    } else if (quote === undefined && (character === '"' || character === "'")) {
      quote = character;
      quoted = true;
    } else if (character === '\\' && quote !== "'") {
      const next = delimiter.charAt(++at);
      name += quote === undefined || '"$\\'.includes(next) ? next : `\\${next}`;
    } else if (quote === undefined && isSpace(character)) {
      return undefined;
    } else {
      name += character;
    }
  }
  return quote === undefined ? { name, quoted } : undefined;
}

/**
 * Words with quotes and escapes kept; the escape character is always the backslash here. Undefined when
 * unbalanced.
 */
function rawWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word = '';
  const lastClose = line.lastIndexOf('))');
  for (let at = 0; at < line.length;) {
    const end =
      line.startsWith('$((', at) && at < lastClose ? line.indexOf('))', at) + 2 : pieceEnd(line, at);
    if (end === undefined) return undefined;
    if (end === at + 1 && isSpace(line.charAt(at))) {
      if (word !== '') words.push(word);
      word = '';
    } else {
      word += line.slice(at, end);
    }
    at = end;
  }
  return word === '' ? words : [...words, word];
}

/**
 * End of the piece of a word that begins at a place: a quoted string, a `${…}`, an escape, `<<` with blanks,
 * a character.
 */
function pieceEnd(line: string, at: number): number | undefined {
  const character = line.charAt(at);
  if (character === '\\') return Math.min(at + 2, line.length);
  if (character === "'" || character === '"') return quoteEnd(line, at);
  if (line.startsWith('${', at)) return bracesEnd(line, at);
  if (line.startsWith('<<', at)) return skipBlanks(line, at + 2);
  return at + 1;
}

function quoteEnd(line: string, start: number): number | undefined {
  const quote = line.charAt(start);
  for (let at = start + 1; at < line.length; at++) {
    if (line.charAt(at) === quote) return at + 1;
    if (line.charAt(at) === '\\' && quote === '"') at++;
  }
  return undefined;
}

function bracesEnd(line: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < line.length; at++) {
    const character = line.charAt(at);
    if (character === '\\') at++;
    else if (line.startsWith('${', at)) depth++;
    else if (character === '}' && --depth === 0) return at + 1;
  }
  return undefined;
}

/** After `<<` (or `<<-`) blanks are part of the marker, unless another `<` follows. */
function skipBlanks(line: string, from: number): number {
  let at = line.charAt(from) === '-' ? from + 1 : from;
  while (at < line.length && isSpace(line.charAt(at))) at++;
  return at;
}

/** A `<<-` body without the tabs that begin its lines. */
export function chompTabs(content: string): string {
  return content.replace(/^\t+/gm, '');
}

/** True when a physical line, without its line break, ends the body of a heredoc. */
export function endsHeredoc(line: string, marker: HeredocMarker): boolean {
  const trimmed = line.replace(/[\r\n]+$/, '');
  return (marker.chomp ? trimmed.replace(/^\t+/, '') : trimmed) === marker.name;
}
