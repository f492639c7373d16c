/** Longest line that is kept together, in UTF-16 units; a longer one is split so that memory stays bounded. */
export const maxLineLength = 64 * 1024;

/**
 * Turns the bytes of one stream into lines of text. A character split across chunks is put together again, bytes
 * that are not UTF-8 become U+FFFD, and `\n`, `\r\n` and a lone `\r` end a line: progress bars become one line per
 * step of the bar, and nothing can be hidden by overwriting it.
 */
export class LineSplitter {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #partial = '';
  #afterReturn = false;

  /** Lines that this chunk completes, without their ends. */
  push(chunk: Uint8Array): string[] {
    return this.#split(this.#decoder.decode(chunk, { stream: true }));
  }

  /** What is left when the stream ends: at most a few lines, often none. */
  end(): string[] {
    const lines = this.#split(this.#decoder.decode());
    if (this.#partial !== '') lines.push(this.#partial);
    this.#partial = '';
    return lines;
  }

  #split(text: string): string[] {
    const lines: string[] = [];
    let start = this.#afterReturn && text.startsWith('\n') ? 1 : 0;
    if (text !== '') this.#afterReturn = text.endsWith('\r');
    const ends = /\r\n|\n|\r/g;
    ends.lastIndex = start;
    for (let match = ends.exec(text); match !== null; match = ends.exec(text)) {
      this.#add(text.slice(start, match.index), lines);
      lines.push(this.#partial);
      this.#partial = '';
      start = ends.lastIndex;
    }
    this.#add(text.slice(start), lines);
    return lines;
  }

  /** Appends to the unfinished line and moves full pieces of it to `lines`; a surrogate pair is never cut. */
  #add(text: string, lines: string[]): void {
    this.#partial += text;
    while (this.#partial.length > maxLineLength) {
      const unit = this.#partial.charCodeAt(maxLineLength - 1);
      const cut = unit >= 0xd800 && unit < 0xdc00 ? maxLineLength - 1 : maxLineLength;
      lines.push(this.#partial.slice(0, cut));
      this.#partial = this.#partial.slice(cut);
    }
  }
}
