import * as zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import xxhash from 'xxhash-wasm';
import { inflateChecked } from './inflate-checked.js';
import { zstdFrames } from './zstd-frames.js';

type NativeInflater = Parameters<typeof inflateChecked>[0];

/** Decodes zstd frames: with Node's own decoder from 22.15 on, before that in JavaScript. Throws plain errors for bad data. */
export function unzstd(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const native = nativeDecoder();
  return native === undefined ? decodeFrames(source) : inflateChecked(native, framedBytes(source));
}

function nativeDecoder(): NativeInflater | undefined {
  const create: unknown = Reflect.get(zlib, 'createZstdDecompress');
  if (typeof create !== 'function') return undefined;
  return (create as (options: { chunkSize: number }) => NativeInflater)({ chunkSize: 1 << 17 });
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
