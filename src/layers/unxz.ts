import { ReadableStream } from 'node:stream/web';
import xz from 'xz-decompress';

const mostPadding = 1 << 20;

/**
 * Decodes one xz stream. The decoder does not say how much of its input it used, so the last byte of the source is given
 * to it alone: a decoder that is done without it has left something unread. Throws plain errors for bad data.
 */
export async function* unxz(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const input = new LastByteApart(source);
  const reader = new xz.XzReadableStream(asWebStream(input.pieces())).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (value.length > 0) yield value;
    }
    if (!input.lastGiven) throw new Error('something follows its end');
  } catch (error) {
    throw namedError(error);
  } finally {
    // Streams of one process take turns in the decoder: one that is left open would block the others for ever.
    await reader.cancel().catch(() => undefined);
  }
}

/** The decoder reports xz-embedded's result codes (`enum xz_ret`). */
const results: Readonly<Record<string, string>> = {
  2: 'its checksum is of an unsupported kind',
  3: 'it needs too much memory',
  4: 'it needs too much memory',
  5: 'no xz stream',
  6: 'it uses unsupported filters',
  7: 'a checksum or a block is wrong',
  8: 'unexpected end of file',
};

function namedError(error: unknown): unknown {
  if (error instanceof TypeError) return new Error('unexpected end of file', { cause: error });
  const code = error instanceof Error ? /error code (\d+)$/.exec(error.message)?.[1] : undefined;
  return code === undefined ? error : new Error(results[code] ?? `result ${code}`, { cause: error });
}

function asWebStream(pieces: AsyncGenerator<Uint8Array, void>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await pieces.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        await pieces.return();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Gives a source's bytes with the last one as a piece of its own. Zeros at the end are padding and left out. */
class LastByteApart {
  lastGiven = false;

  constructor(private readonly source: AsyncIterable<Uint8Array>) {}

  async *pieces(): AsyncGenerator<Uint8Array, void> {
    let held: Buffer = Buffer.alloc(0);
    for await (const chunk of this.source) {
      const bytes = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk]);
      const last = lastNonZero(bytes);
      if (last > 0) yield bytes.subarray(0, last);
      held = bytes.subarray(Math.max(last, 0));
      if (held.length > mostPadding) throw new Error('too many zeros follow its end');
    }
    if (held.length === 0) return;
    this.lastGiven = true;
    yield held.subarray(0, 1);
  }
}

function lastNonZero(bytes: Buffer): number {
  let at = bytes.length - 1;
  while (at >= 0 && bytes[at] === 0) at--;
  return at;
}
