import { archiveError, blockSize } from './entry.js';
import { parseNumeric, parseOctal } from './numbers.js';

/** The fields of one header block before PAX and GNU extensions are merged in. */
export interface RawHeader {
  name: string;
  linkname: string;
  flag: string;
  mode: number | bigint;
  uid: number | bigint;
  gid: number | bigint;
  size: number | bigint;
  /** Seconds. */
  mtime: number | bigint;
  devmajor: number | bigint;
  devminor: number | bigint;
  readonly format: HeaderFormat;
}

/** `ustar` is also what PAX archives use; `star` is Schily's older layout with a shorter prefix. */
export type HeaderFormat = 'v7' | 'ustar' | 'gnu' | 'star';

/** Offset and length of the fields (POSIX ustar; GNU and star share the first ten). */
const fields = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  linkname: [157, 100],
  devmajor: [329, 8],
  devminor: [337, 8],
  prefix: [345, 155],
  starPrefix: [345, 131],
  gnuAtime: [345, 12],
  gnuCtime: [357, 12],
} as const;

type Field = readonly [start: number, length: number];

/** Bytes up to the first NUL. */
export function cString(block: Buffer, [start, length]: Field): string {
  const nul = block.indexOf(0, start);
  const end = nul < 0 || nul > start + length ? start + length : nul;
  return block.toString('latin1', start, end);
}

/**
 * Decodes a header block. Throws `archive` when the checksum or a number is wrong. Both the checksum of unsigned and
 * that of signed bytes (old Sun tar) are accepted.
 */
export function parseHeader(block: Buffer): RawHeader {
  const format = formatOf(block);
  if (format === undefined) throw archiveError('a header has a wrong checksum');
  const number = ([start, length]: Field) => parseNumeric(block, start, length);
  const extended = format !== 'v7';
  const prefix = prefixOf(block, format);
  const name = cString(block, fields.name);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkname: cString(block, fields.linkname),
    flag: block.toString('latin1', 156, 157),
    mode: number(fields.mode),
    uid: number(fields.uid),
    gid: number(fields.gid),
    size: number(fields.size),
    mtime: number(fields.mtime),
    devmajor: extended ? number(fields.devmajor) : 0,
    devminor: extended ? number(fields.devminor) : 0,
    format,
  };
}

/** Format of a block by checksum and magic; undefined when the checksum does not hold. */
export function formatOf(block: Buffer): HeaderFormat | undefined {
  if (!checksumHolds(block)) return undefined;
  const magic = block.toString('latin1', 257, 263);
  if (magic === 'ustar\0') return block.toString('latin1', 508, 512) === 'tar\0' ? 'star' : 'ustar';
  return magic === 'ustar ' && block.toString('latin1', 263, 265) === ' \0' ? 'gnu' : 'v7';
}

function checksumHolds(block: Buffer): boolean {
  const [start, length] = fields.checksum;
  let expected: number;
  try {
    expected = parseOctal(block, start, length);
  } catch {
    return false;
  }
  const unsigned = checksum(block);
  return expected === unsigned || expected === signedChecksum(block, unsigned);
}

/** Sum of all bytes, the checksum field counted as blanks. */
export function checksum(block: Uint8Array): number {
  let sum = 8 * 0x20;
  for (let at = 0; at < 148; at++) sum += block[at] ?? 0;
  for (let at = 156; at < blockSize; at++) sum += block[at] ?? 0;
  return sum;
}

function signedChecksum(block: Uint8Array, unsigned: number): number {
  let sum = unsigned;
  for (let at = 0; at < blockSize; at++) {
    const inField = at >= 148 && at < 156;
    if (!inField && (block[at] ?? 0) >= 0x80) sum -= 0x100;
  }
  return sum;
}

function prefixOf(block: Buffer, format: HeaderFormat): string {
  if (format === 'ustar') return cString(block, fields.prefix);
  if (format === 'star') return cString(block, fields.starPrefix);
  return format === 'gnu' && hasStrayPrefix(block) ? asciiOnly(cString(block, fields.prefix)) : '';
}

/**
 * Go before 1.8 wrote a ustar prefix into GNU headers, where the access time belongs. As in today's Go: when those
 * bytes are no number, they are a prefix.
 */
function hasStrayPrefix(block: Buffer): boolean {
  return [fields.gnuAtime, fields.gnuCtime].some(([start, length]) => {
    if (block[start] === 0) return false;
    try {
      parseNumeric(block, start, length);
      return false;
    } catch {
      return true;
    }
  });
}

function asciiOnly(text: string): string {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) >= 0x80) return '';
  return text;
}
