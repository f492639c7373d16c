/** Longest text that is kept of a step's output, in UTF-16 units. */
const maxLength = 256 * 1024;

/** The last lines of a step's output, within a bound of lines and of length. */
export class LogTail {
  readonly #lines: string[] = [];
  readonly #maxLines: number;
  #length = 0;
  #dropped = 0;

  constructor(maxLines: number) {
    this.#maxLines = maxLines;
  }

  add(lines: readonly string[]): void {
    for (const line of lines) {
      this.#lines.push(line);
      this.#length += line.length;
    }
    while (this.#lines.length > this.#maxLines || (this.#length > maxLength && this.#lines.length > 1)) {
      this.#length -= this.#lines.shift()?.length ?? 0;
      this.#dropped += 1;
    }
  }

  /** The newest `amount` lines, oldest first. */
  last(amount: number): readonly string[] {
    return amount <= 0 ? [] : this.#lines.slice(-amount);
  }

  /** Everything that is kept. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** How many older lines were dropped. */
  get dropped(): number {
    return this.#dropped;
  }
}
