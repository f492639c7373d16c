import type { ByteReader } from '../byte-reader.js';
import type { SparseExtent } from '../types.js';
import { archiveError } from './entry.js';

const zeros = Buffer.alloc(1 << 16);

/** A stretch of content: bytes of the archive, or a hole. */
interface Stretch {
  readonly hole: boolean;
  readonly length: number;
}

/** The content of one member. It can be read once, in order, until the next member is asked for. */
export class TarContent {
  readonly #reader: ByteReader;
  readonly #stretches: readonly Stretch[];
  #next = 0;
  #left: number;

  constructor(reader: ByteReader, stretches: readonly Stretch[]) {
    this.#reader = reader;
    this.#stretches = stretches;
    this.#left = stretches[0]?.length ?? 0;
  }

  /** Passes on the rest of the content. `sink` is called before this returns when the bytes are at hand. */
  async forEach(sink: (chunk: Buffer) => void): Promise<void> {
    for (;;) {
      const chunk = this.#tryChunk() ?? (await this.#chunk());
      if (chunk === undefined) return;
      sink(chunk);
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void> {
    for (;;) {
      const chunk = await this.#chunk();
      if (chunk === undefined) return;
      yield chunk;
    }
  }

  /** All of the content when it is one stretch that lies in memory already. */
  tryWhole(): Buffer | undefined {
    return this.#next === 0 && this.#stretches.length === 1 ? this.#tryChunk() : undefined;
  }

  /** Passes over what is left, without making zeros of holes. */
  async skip(): Promise<void> {
    for (let stretch = this.#advance(); stretch !== undefined; stretch = this.#advance()) {
      const wanted = this.#left;
      this.#left = 0;
      if (!stretch.hole && (await this.#reader.skip(wanted)) < wanted) throw this.#truncated();
    }
  }

  /** The present stretch with something left in it. */
  #advance(): Stretch | undefined {
    while (this.#left === 0) {
      if (this.#next >= this.#stretches.length) return undefined;
      this.#next++;
      this.#left = this.#stretches[this.#next]?.length ?? 0;
    }
    return this.#stretches[this.#next];
  }

  #tryChunk(): Buffer | undefined {
    const stretch = this.#advance();
    if (stretch === undefined || stretch.hole) return undefined;
    const chunk = this.#reader.tryRead(this.#left);
    if (chunk !== undefined) this.#left = 0;
    return chunk;
  }

  async #chunk(): Promise<Buffer | undefined> {
    const stretch = this.#advance();
    if (stretch === undefined) return undefined;
    const limit = Math.min(this.#left, zeros.length * 16);
    const chunk = stretch.hole
      ? zeros.subarray(0, Math.min(limit, zeros.length))
      : await this.#reader.readSome(limit);
    if (chunk === undefined) throw this.#truncated();
    this.#left -= chunk.length;
    return chunk;
  }

  #truncated(): Error {
    return archiveError('it ends inside a file', this.#reader.position);
  }
}

/** The stretches of a sparse file of `size` bytes. Throws `archive` unless its data are exactly `stored` bytes. */
export function stretchesOf(
  extents: readonly SparseExtent[],
  { size, stored }: { size: number; stored: number },
): Stretch[] {
  const stretches: Stretch[] = [];
  let end = 0;
  let data = 0;
  for (const { offset, length } of extents) {
    stretches.push({ hole: true, length: offset - end }, { hole: false, length });
    end = offset + length;
    data += length;
  }
  if (data !== stored) throw archiveError('the sparse map does not match the stored bytes');
  stretches.push({ hole: true, length: size - end });
  return stretches;
}
