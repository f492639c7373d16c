import { ByteReader } from './byte-reader.js';

/** Decoders need a window of this size in memory; containerd's and zstd's own default is 128 MiB too. */
const largestWindow = 2 ** 27;

export interface ZstdPiece {
  readonly bytes: Buffer;
  /** The last piece of its frame. */
  readonly end: boolean;
  /** The frame's content checksum, on the last piece of frames that have one. */
  readonly checksum?: number;
}

/**
 * Cuts a zstd stream into the pieces of its frames (RFC 8878, section 3.1), without decoding. Skippable frames are left out. Decoders differ in what they make of truncated
 * data, garbage and giant windows; here all of these are errors.
 */
export async function* zstdFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<ZstdPiece, void> {
  const reader = new ByteReader(source);
  try {
    yield* frames(reader);
  } finally {
    await reader.close();
  }
}

async function* frames(reader: ByteReader): AsyncGenerator<ZstdPiece, void> {
  for (let first = true; ; first = false) {
    const magic = await reader.read(4);
    if (magic.length === 0 && !first) return;
    const number = exactly(magic, 4).readUInt32LE();
    if (number >>> 4 === 0x184d2a5) await skipFrame(reader);
    else if (number === 0xfd2fb528) yield* frame(reader, magic);
    else throw new Error(first ? 'no zstd data' : 'something follows its end');
  }
}

function exactly(bytes: Buffer, size: number): Buffer {
  if (bytes.length < size) throw new Error('unexpected end of file');
  return bytes;
}

async function skipFrame(reader: ByteReader): Promise<void> {
  const size = exactly(await reader.read(4), 4).readUInt32LE();
  if ((await reader.skip(size)) < size) throw new Error('unexpected end of file');
}

async function* frame(reader: ByteReader, magic: Buffer): AsyncGenerator<ZstdPiece, void> {
  const { bytes, hasChecksum } = await frameHeader(reader);
  yield { bytes: Buffer.concat([magic, bytes]), end: false };
  for (let last = false; !last;) {
    const head = exactly(await reader.read(3), 3);
    const word = head.readUIntLE(0, 3);
    last = (word & 1) === 1;
    const type = (word >> 1) & 3;
    if (type === 3) throw new Error('invalid block type');
    const size = type === 1 ? 1 : word >>> 3;
    if (size > 1 << 17) throw new Error('a block is too long');
    const body = exactly(await reader.read(size), size);
    yield { bytes: Buffer.concat([head, body]), end: last && !hasChecksum };
  }
  if (!hasChecksum) return;
  const bytesOfChecksum = exactly(await reader.read(4), 4);
  yield { bytes: bytesOfChecksum, end: true, checksum: bytesOfChecksum.readUInt32LE() };
}

async function frameHeader(reader: ByteReader): Promise<{ bytes: Buffer; hasChecksum: boolean }> {
  const descriptor = exactly(await reader.read(1), 1);
  const flags = descriptor.readUInt8();
  const single = (flags & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][flags & 3] ?? 0;
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
  const length = (single ? 0 : 1) + dictionaryBytes + sizeBytes;
  const rest = exactly(await reader.read(length), length);
  const window = single ? contentSize(rest.subarray(dictionaryBytes)) : windowSize(rest[0] ?? 0);
  if (window > largestWindow) throw new Error('its window is larger than 128 MiB');
  return { bytes: Buffer.concat([descriptor, rest]), hasChecksum: (flags & 4) !== 0 };
}

/** The content size is the window of a single-segment frame. */
function contentSize(field: Buffer): number {
  if (field.length === 8) return Number(field.readBigUInt64LE());
  return field.readUIntLE(0, field.length) + (field.length === 2 ? 256 : 0);
}

function windowSize(byte: number): number {
  const base = 2 ** (10 + (byte >> 3));
  return base + (base / 8) * (byte & 7);
}
