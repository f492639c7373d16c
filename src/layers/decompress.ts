import * as zlib from 'node:zlib';
import { TsbuildError } from '../util/errors.js';
import type { CompressionKind } from './compression.js';
import { inflateChecked } from './inflate-checked.js';

/** Bombs: gzip reaches 1032:1 at most; small files may pass, since all-zero images are common. */
const limits = { ratio: 1100, free: 64 * 2 ** 20, bytes: 50 * 2 ** 30 };

type Decoder = (source: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/**
 * The uncompressed bytes of `source`. Several members, streams or frames in a row are one content. Throws `archive` when
 * the data are corrupt, end early, are followed by anything but padding, or unpack to more than 50 GiB or (beyond 64 MiB)
 * 1100 times their size. Errors of the source pass through unchanged. Memory is flat.
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  kind: CompressionKind,
): AsyncGenerator<Uint8Array, void> {
  if (kind === 'none') {
    yield* source;
    return;
  }
  const tap = new Tap(source);
  const decode = await decoderOf(kind);
  let size = 0;
  try {
    for await (const chunk of decode(tap)) {
      size += chunk.length;
      checkSize(size, tap.size);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof TsbuildError || error === tap.error) throw error;
    throw new TsbuildError('archive', `corrupt ${kind} data: ${reason(error)}`, { cause: error });
  }
}

function checkSize(size: number, compressed: number): void {
  if (size > limits.bytes) throw new TsbuildError('archive', 'compressed data unpack to more than 50 GiB');
  if (size <= limits.free || size <= limits.ratio * compressed) return;
  throw new TsbuildError('archive', `compressed data unpack to more than ${limits.ratio} times their size`);
}

function reason(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : 'unknown error';
}

/** Counts what was read and remembers the source's own failure. */
class Tap implements AsyncIterable<Uint8Array> {
  size = 0;
  error: unknown;

  constructor(private readonly source: AsyncIterable<Uint8Array>) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    try {
      for await (const chunk of this.source) {
        this.size += chunk.length;
        yield chunk;
      }
    } catch (error) {
      this.error = error;
      throw error;
    }
  }
}

async function decoderOf(kind: Exclude<CompressionKind, 'none'>): Promise<Decoder> {
  switch (kind) {
    case 'gzip':
      return (source) => inflateChecked(zlib.createGunzip({ chunkSize: 1 << 17 }), source);
    case 'zstd':
      return (await import('./unzstd.js')).unzstd;
    case 'bzip2':
      return (await import('./unbzip2.js')).unbzip2;
    case 'xz':
      return (await import('./unxz.js')).unxz;
  }
}
