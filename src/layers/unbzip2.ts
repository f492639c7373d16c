import decoder from 'unbzip2-stream/lib/bzip2.js';
import { ByteReader } from './byte-reader.js';

const unit = 100_000;

/** More than any block of this size can take when it is compressed. */
const longestBlock = (units: number): number => 25_000 + unit * units;

/** Decodes bzip2 streams one after the other, one block in memory at a time. Throws plain errors for bad data. */
export async function* unbzip2(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const input = new BlockInput(source);
  try {
    yield* streams(input);
  } finally {
    await input.close();
  }
}

async function* streams(input: BlockInput): AsyncGenerator<Uint8Array, void> {
  let memory = new Int32Array(0);
  do {
    await input.fill(4);
    const units = checked(() => decoder.header(input.bits));
    if (memory.length < units * unit) memory = new Int32Array(units * unit);
    for (let checksum: number | null = 0; checksum !== null;) {
      await input.fill(longestBlock(units));
      const output = new GrowingBuffer();
      const before: number = checksum;
      checksum = checked(() => decoder.decompress(input.bits, output.push, memory, units * unit, before));
      if (output.size > 0) yield output.bytes();
    }
  } while (!(await input.atEnd()));
}

/** The decoder's messages are jokes. */
function checked<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'Bzip2Error') throw error;
    const reason = error.message.startsWith('No magic')
      ? 'no bzip2 stream'
      : 'a checksum or a block is wrong';
    throw new Error(reason, { cause: error });
  }
}

/** Bits of the source, synchronously, as far as it was filled. */
class BlockInput {
  readonly #reader: ByteReader;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #bit = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#reader = new ByteReader(source);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  /** Has at least `size` bytes ready, unless the source ends. */
  async fill(size: number): Promise<void> {
    const ready = this.#bytes.length - this.#at;
    if (ready >= size) return;
    const more = await this.#reader.read(2 * size - ready);
    this.#bytes = Buffer.concat([this.#bytes.subarray(this.#at), more]);
    this.#at = 0;
  }

  /** Whether nothing but zeros (padding) is left. */
  async atEnd(): Promise<boolean> {
    for (;;) {
      await this.fill(1);
      const byte = this.#bytes[this.#at];
      if (byte !== 0) return byte === undefined;
      this.#at++;
    }
  }

  readonly bits = (count: number | null): number => {
    if (count === null) {
      if (this.#bit > 0) this.#at++;
      this.#bit = 0;
      return 0;
    }
    let value = 0;
    for (let left = count; left > 0;) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new Error('unexpected end of file');
      const take = Math.min(left, 8 - this.#bit);
      value = (value << take) | ((byte >> (8 - this.#bit - take)) & ((1 << take) - 1));
      left -= take;
      this.#bit += take;
      if (this.#bit < 8) continue;
      this.#bit = 0;
      this.#at++;
    }
    return value;
  };
}

class GrowingBuffer {
  size = 0;
  #memory = Buffer.allocUnsafeSlow(9 * unit);

  readonly push = (byte: number): void => {
    if (this.size === this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(2 * this.size);
      this.#memory.copy(larger);
      this.#memory = larger;
    }
    this.#memory[this.size++] = byte;
  };

  bytes(): Buffer {
    return this.#memory.subarray(0, this.size);
  }
}
