const nothing = Buffer.alloc(0);

/**
 * Reads an asynchronous stream of chunks by exact sizes. What lies in the present chunk is handed out without a
 * promise and without a copy, which is what makes archives of many small files fast. Buffers handed out are views
 * of the source's chunks: they stay valid as long as the source does not reuse its memory.
 */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #onChunk: ((chunk: Buffer) => void) | undefined;
  #chunk: Buffer = nothing;
  #at = 0;
  #position = 0;

  /** `onChunk` sees every byte of the source exactly once and in order, whether it is read or skipped. */
  constructor(source: AsyncIterable<Uint8Array>, onChunk?: (chunk: Buffer) => void) {
    this.#source = source[Symbol.asyncIterator]();
    this.#onChunk = onChunk;
  }

  /** Bytes consumed since the beginning. */
  get position(): number {
    return this.#position;
  }

  /** Exactly `size` bytes when they lie in the present chunk. */
  tryRead(size: number): Buffer | undefined {
    if (this.#chunk.length - this.#at < size) return undefined;
    return this.#take(size);
  }

  /** `size` bytes as one buffer; fewer only where the source ends. Meant for headers: everything is held in memory. */
  async read(size: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = size;
    while (missing > 0) {
      const part = await this.readSome(missing);
      if (part === undefined) break;
      parts.push(part);
      missing -= part.length;
    }
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
  }

  /** Between 1 and `limit` bytes, or undefined at the end of the source. */
  async readSome(limit: number): Promise<Buffer | undefined> {
    if (this.#at === this.#chunk.length && !(await this.#fill())) return undefined;
    return this.#take(Math.min(limit, this.#chunk.length - this.#at));
  }

  /** Skips `size` bytes; returns how many there were. */
  async skip(size: number): Promise<number> {
    if (this.tryRead(size) !== undefined) return size;
    let missing = size;
    while (missing > 0) {
      const part = await this.readSome(missing);
      if (part === undefined) break;
      missing -= part.length;
    }
    return size - missing;
  }

  /** Tells the source that nothing more is wanted. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #fill(): Promise<boolean> {
    for (;;) {
      const next = await this.#source.next();
      if (next.done === true) return false;
      const chunk = next.value;
      if (chunk.length === 0) continue;
      this.#chunk = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      this.#at = 0;
      this.#onChunk?.(this.#chunk);
      return true;
    }
  }

  #take(size: number): Buffer {
    const part = this.#chunk.subarray(this.#at, this.#at + size);
    this.#at += size;
    this.#position += size;
    return part;
  }
}
