import { formatOf } from './tar/header.js';

/** How a file is compressed, by its first bytes. */
export type CompressionKind = 'gzip' | 'bzip2' | 'xz' | 'zstd' | 'none';

/** Bytes of a file that `detectCompression` and `looksLikeTar` want to see. */
export const headSize = 512;

/** Recognises a compression by its magic bytes, never by a name (RFC 1952, RFC 8878, the xz and bzip2 formats). */
export function detectCompression(head: Uint8Array): CompressionKind {
  const magic = Buffer.from(head.subarray(0, 6)).toString('latin1');
  if (magic.startsWith('\x1f\x8b\x08')) return 'gzip';
  if (/^BZh[1-9]/.test(magic)) return 'bzip2';
  if (magic === '\xfd7zXZ\0') return 'xz';
  return isZstd(head) ? 'zstd' : 'none';
}

/** A frame's magic, or that of a skippable frame (0x184D2A50 to 0x184D2A5F), little endian. */
function isZstd(head: Uint8Array): boolean {
  const [first = 0, ...rest] = head.subarray(0, 4);
  const tail = rest.join(',');
  return (first === 0x28 && tail === '181,47,253') || (first >> 4 === 5 && tail === '42,77,24');
}

/** Whether uncompressed bytes begin with a header block whose checksum holds. An empty archive does not count. */
export function looksLikeTar(head: Uint8Array): boolean {
  if (head.length < 512) return false;
  const block = Buffer.from(head.buffer, head.byteOffset, 512);
  return block.some((byte) => byte !== 0) && formatOf(block) !== undefined;
}
