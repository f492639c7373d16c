import { isSpace } from './white-space.js';

/**
 * Gathers expanded pieces both as one text and as words: blanks split unless the piece came from quotes or an
 * escape.
 */
export class WordCollector {
  text = '';
  readonly #words: string[] = [];
  #word = '';

  addSplitting(piece: string): void {
    this.text += piece;
    let start = 0;
    for (let at = 0; at < piece.length; at++) {
      if (!isSpace(piece.charAt(at))) continue;
      this.#word += piece.slice(start, at);
      this.#endWord();
      start = at + 1;
    }
    this.#word += piece.slice(start);
  }

  addWhole(piece: string): void {
    this.text += piece;
    this.#word += piece;
  }

  /** Words so far; empty ones, even quoted, do not count. */
  get words(): readonly string[] {
    this.#endWord();
    return this.#words;
  }

  #endWord(): void {
    if (this.#word !== '') this.#words.push(this.#word);
    this.#word = '';
  }
}
