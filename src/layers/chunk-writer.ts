import { createHash } from 'node:crypto';
import { finishDigest, type Digest } from '../oci/digest.js';
import { Turns } from './turns.js';

const chunkSize = 1 << 19;

/**
 * Gathers small pieces into chunks of half a MiB, hashes them and hands them on. Each chunk is memory of its own, so a
 * sink may keep it. The event loop gets a turn now and then, also when the sink is synchronous.
 */
export class ChunkWriter {
  readonly #hash = createHash('sha256');
  #chunk = Buffer.allocUnsafeSlow(chunkSize);
  #used = 0;
  #flushed = 0;
  readonly #turns = new Turns();

  constructor(private readonly sink: (chunk: Uint8Array) => void | Promise<void>) {}

  /** Bytes written so far. */
  get position(): number {
    return this.#flushed + this.#used;
  }

  /** Free memory to write into, directly behind what was written; `commit` says how much of it was used. */
  get space(): Buffer {
    return this.#chunk.subarray(this.#used);
  }

  commit(size: number): void {
    this.#used += size;
  }

  /** Writes bytes. A promise is returned only when there is something to wait for. */
  write(bytes: Uint8Array): void | Promise<void> {
    if (bytes.length > this.#chunk.length - this.#used) return this.#writeLong(bytes);
    this.#chunk.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** Zeros to the next multiple of a block of 512 bytes. */
  pad(): void | Promise<void> {
    const padding = (512 - (this.position % 512)) % 512;
    if (padding > this.#chunk.length - this.#used) return this.#writeLong(Buffer.alloc(padding));
    this.#chunk.fill(0, this.#used, this.#used + padding);
    this.#used += padding;
  }

  /** Hands on what was gathered. */
  async flush(): Promise<void> {
    if (this.#used === 0) return;
    const chunk = this.#chunk.subarray(0, this.#used);
    this.#flushed += this.#used;
    this.#chunk = Buffer.allocUnsafeSlow(chunkSize);
    this.#used = 0;
    this.#hash.update(chunk);
    await this.sink(chunk);
    await this.#turns.pause();
  }

  /** Hands on the rest; nothing may be written after it. */
  async finish(): Promise<{ digest: Digest; size: number }> {
    await this.flush();
    return { digest: finishDigest(this.#hash), size: this.#flushed };
  }

  async #writeLong(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.#used === this.#chunk.length) await this.flush();
      const part = bytes.subarray(at, at + this.#chunk.length - this.#used);
      this.#chunk.set(part, this.#used);
      this.#used += part.length;
      at += part.length;
    }
  }
}
