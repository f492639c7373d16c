import * as zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import xxhash from 'xxhash-wasm';
import { inflateChecked } from './inflate-checked.js';
import { zstdFrames } from './zstd-frames.js';

type CreateInflater = (options: { readonly chunkSize: number }) => Parameters<typeof inflateChecked>[0];

/** Decodes zstd frames: with Node's own decoder from 22.15 on, before that in JavaScript. Throws plain errors for bad data. */
export function unzstd(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const create: unknown = Reflect.get(zlib, 'createZstdDecompress');
  if (typeof create !== 'function') return decodeFrames(source);
  return decodeNatively(create as CreateInflater, source);
}

/** From Node 24 on the decoder misses a frame where there is none, which is valid when others were skipped. */
async function* decodeNatively(
  create: CreateInflater,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const pieces = framedBytes(source);
  const first = await pieces.next();
  if (first.done === true) return;
  yield* inflateChecked(create({ chunkSize: 1 << 17 }), withFirst(first.value, pieces));
}

async function* withFirst<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T, void> {
  yield first;
  yield* rest;
}

async function* framedBytes(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for await (const { bytes } of zstdFrames(source)) yield bytes;
}

/** The JavaScript decoder does not compare checksums: the low 32 bits of the content's XXH64 (RFC 8878, section 3.1.1). */
async function* decodeFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const hasher = await xxhash();
  let output: Uint8Array[] = [];
  const fresh = () => ({
    decoder: new Decompress((chunk) => output.push(chunk)),
    checksum: hasher.create64(),
  });
  let frame = fresh();
  for await (const { bytes, end, checksum } of zstdFrames(source)) {
    frame.decoder.push(bytes, end);
    for (const chunk of output) {
      frame.checksum.update(chunk);
      if (chunk.length > 0) yield chunk;
    }
    output = [];
    if (checksum !== undefined && Number(BigInt.asUintN(32, frame.checksum.digest())) !== checksum) {
      throw new Error('a checksum is wrong');
    }
    if (end) frame = fresh();
  }
}
