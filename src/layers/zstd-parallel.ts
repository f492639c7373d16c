import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { equalBlocks } from './blocks.js';
import { takeFirst } from './take-first.js';

export interface ZstdOptions {
  /** 1 to 22; 3 when absent. */
  readonly level?: number;
  /** Frames compressed at the same time, where Node can do that; the bytes do not depend on it. */
  readonly concurrency?: number;
}

/** A frame's window is the frame: larger ones save little, and readers need that much memory. */
const frameSize = 1 << 22;

type Compressor = (block: Uint8Array) => Promise<Uint8Array>;

/**
 * Zstandard frames one after the other (RFC 8878, section 3), each of 4 MiB of content and independent of the others.
 * The bytes depend on the content, the level and the version of the compressor (Node's own from 22.15 on, else one in
 * WebAssembly), not on concurrency or on how the source cuts its chunks. Memory is flat.
 */
export async function* zstdParallel(
  source: AsyncIterable<Uint8Array>,
  { level = 3, concurrency = 4 }: ZstdOptions = {},
): AsyncGenerator<Uint8Array, void> {
  const compress = nativeCompressor(level) ?? (await portableCompressor(level));
  const running: Promise<Uint8Array>[] = [];
  try {
    for await (const { block } of equalBlocks(source, frameSize)) {
      const frame = compress(block);
      // Awaited in order: a failure of a later frame must not count as unhandled meanwhile.
      frame.catch(() => undefined);
      running.push(frame);
      if (running.length >= concurrency) yield await takeFirst(running);
    }
    while (running.length > 0) yield await takeFirst(running);
  } finally {
    await Promise.allSettled(running);
  }
}

type NativeCompress = (
  block: Uint8Array,
  options: object,
  done: (error: Error | null, frame: Buffer) => void,
) => void;

/** On libuv's threads. */
function nativeCompressor(level: number): Compressor | undefined {
  const compress: unknown = Reflect.get(zlib, 'zstdCompress');
  const parameter: unknown = Reflect.get(zlib.constants, 'ZSTD_c_compressionLevel');
  if (typeof compress !== 'function' || typeof parameter !== 'number') return undefined;
  const promised = promisify(compress as NativeCompress);
  return (block) => promised(block, { params: { [parameter]: level } });
}

async function portableCompressor(level: number): Promise<Compressor> {
  const { portableZstd } = await import('./portable-zstd.js');
  const compress = await portableZstd();
  return async (block) => {
    // Lets transfers go on between frames: the compressor has the thread for itself.
    await new Promise((resolve) => setImmediate(resolve));
    return compress(block, level);
  };
}
