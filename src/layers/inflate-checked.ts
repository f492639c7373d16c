import type { Transform } from 'node:stream';

/** A decoder of node:zlib. `bytesWritten` counts what it consumed. */
type Inflater = Transform & { readonly bytesWritten: number };

/**
 * Runs a source through a decoder of node:zlib and makes sure that nothing hides behind the end: zlib stops at a zero byte
 * after a member (padding is usual there) and would not look at what follows. One chunk is in the decoder at a time, so
 * it is known how far it came.
 */
export async function* inflateChecked(
  inflater: Inflater,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const iterator = source[Symbol.asyncIterator]();
  const feeder = new Feeder(inflater, iterator);
  void feeder.run();
  try {
    for await (const chunk of inflater) yield chunk as Buffer;
    await refuseTrailing(iterator, feeder.unread());
  } finally {
    inflater.destroy();
    await iterator.return?.();
  }
}

class Feeder {
  #chunk: Uint8Array = new Uint8Array(0);
  #start = 0;
  #release: () => void = () => undefined;
  #ended = false;

  constructor(
    private readonly inflater: Inflater,
    private readonly iterator: AsyncIterator<Uint8Array>,
  ) {
    for (const event of ['end', 'close', 'error']) {
      inflater.on(event, () => {
        this.#ended = true;
        this.#release();
      });
    }
  }

  /** Writes until the source or the decoder ends; a failure of the source becomes the decoder's. */
  async run(): Promise<void> {
    try {
      while (!this.#ended) {
        const next = await this.iterator.next();
        if (next.done === true) {
          this.inflater.end();
          return;
        }
        this.#start += this.#chunk.length;
        this.#chunk = next.value;
        await this.#written(next.value);
      }
    } catch (error) {
      this.inflater.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** What the decoder did not want of the last chunk. */
  unread(): Uint8Array {
    return this.#chunk.subarray(this.inflater.bytesWritten - this.#start);
  }

  #written(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#release = resolve;
      if (this.#ended) resolve();
      else this.inflater.write(chunk, () => resolve());
    });
  }
}

async function refuseTrailing(iterator: AsyncIterator<Uint8Array>, unread: Uint8Array): Promise<void> {
  let rest: Uint8Array | undefined = unread;
  while (rest !== undefined) {
    if (rest.some((byte) => byte !== 0)) throw new Error('something follows its end');
    const next: IteratorResult<Uint8Array> = await iterator.next();
    rest = next.done === true ? undefined : next.value;
  }
}
