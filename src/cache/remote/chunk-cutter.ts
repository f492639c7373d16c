import { createHash } from 'node:crypto';

/** Bytes of a chunk: at least, about, at most. */
export interface ChunkSizes {
  readonly min: number;
  /** A power of two. */
  readonly average: number;
  readonly max: number;
}

const usual: ChunkSizes = { min: 256 * 1024, average: 1024 * 1024, max: 4 * 1024 * 1024 };

/** One random number per byte, the same for ever: where an archive is cut must not differ between versions. */
const gear = Int32Array.from({ length: 256 }, (_, byte) =>
  createHash('sha256').update(`tsbuild gear ${byte}`).digest().readInt32LE(),
);

/**
 * Cuts a stream where its content says so, after FastCDC (Xia et al., USENIX ATC 2016): a change moves the cuts around
 * it only, so most chunks of an archive that changed a little are those of the one before. A chunk before the average
 * size must fulfil a harder condition than one behind it, which keeps sizes together. The rolling hash sees 32 bytes.
 * Memory: one chunk.
 */
export class ChunkCutter {
  readonly #buffer: Buffer;
  #filled = 0;
  #hash = 0;
  readonly #hard: number;
  readonly #easy: number;

  constructor(private readonly sizes: ChunkSizes = usual) {
    this.#buffer = Buffer.allocUnsafeSlow(sizes.max);
    const bits = Math.log2(sizes.average);
    this.#hard = topBits(bits + 2);
    this.#easy = topBits(bits - 2);
  }

  /** The chunks that end in these bytes. */
  *push(bytes: Uint8Array): Generator<Buffer> {
    let at = 0;
    while (at < bytes.length) {
      const { taken, isCut } = this.#take(bytes, at);
      at += taken;
      if (isCut) yield this.#cut();
    }
  }

  /** What is left at the end of the stream. */
  end(): Buffer | undefined {
    return this.#filled === 0 ? undefined : this.#cut();
  }

  #cut(): Buffer {
    const chunk = Buffer.from(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
    this.#hash = 0;
    return chunk;
  }

  /** Copies bytes up to the next cut, or all. */
  #take(bytes: Uint8Array, start: number): { readonly taken: number; readonly isCut: boolean } {
    const { min, average, max } = this.sizes;
    const filled = this.#filled;
    const end = Math.min(bytes.length, start + max - filled);
    let at = Math.min(end, start + Math.max(0, min - filled));
    let hash = this.#hash;
    let isCut = false;
    const middle = Math.min(end, start + Math.max(0, average - filled));
    for (const [limit, mask] of [
      [middle, this.#hard],
      [end, this.#easy],
    ] as const) {
      while (!isCut && at < limit) {
        hash = ((hash << 1) + (gear[bytes[at] ?? 0] ?? 0)) | 0;
        at += 1;
        isCut = (hash & mask) === 0;
      }
    }
    this.#buffer.set(bytes.subarray(start, at), filled);
    this.#filled = filled + at - start;
    this.#hash = hash;
    return { taken: at - start, isCut: isCut || this.#filled === max };
  }
}

/** The high bits of the hash depend on the most bytes. */
function topBits(count: number): number {
  return -1 << (32 - count);
}
