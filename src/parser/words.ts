import { isSpace } from './white-space.js';

/** The escape character that the `# escape=` directive chose. */
export type Escape = '\\' | '`';

/**
 * Words of an ENV, LABEL or ARG line: blanks inside quotes and behind the escape character do not split.
 * Quotes and escapes stay, `expandWord` removes them. A quote that is never closed runs to the end.
 */
export function quotedWords(text: string, escape: Escape): string[] {
  const words: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (isSpace(text.charAt(at))) {
      at++;
      continue;
    }
    const { word, end } = quotedWord(text, at, escape);
    if (word !== '') words.push(word);
    at = end;
  }
  return words;
}

function quotedWord(text: string, start: number, escape: Escape): { word: string; end: number } {
  let word = '';
  let quote: string | undefined;
  let at = start;
  for (; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote === undefined && isSpace(character)) break;
    if (character === escape && quote !== "'") {
      // An escape that ends the line escapes nothing and is dropped.
      if (at + 1 < text.length) word += character + text.charAt(++at);
      continue;
    }
    if (character === quote) quote = undefined;
    else if (quote === undefined && (character === '"' || character === "'")) quote = character;
    word += character;
  }
  return { word, end: at };
}
