import { blockSize, type EntryType, type TarEntry } from './entry.js';
import { checksum } from './header.js';
import { formatPaxRecord, formatPaxTime, xattrPrefix } from './pax.js';

const flags: Readonly<Partial<Record<EntryType, string>>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  char: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

/** What a member is written from; `flag` follows from the type. */
export type WritableEntry = Omit<TarEntry, 'flag'>;

/** Two zero blocks (POSIX ustar): the end of an archive. */
export const endOfArchive: Uint8Array = Buffer.alloc(2 * blockSize);

const maxOctal7 = 0o7777777;
const maxOctal11 = 0o77777777777;

/**
 * The header blocks of one member: ustar where it can say everything, with a PAX header before it where it cannot (long
 * or non-ASCII names, large ids, 8 GiB and more, times with fractions or outside 33 bits, xattrs). Which it is follows
 * from the entry alone, so equal entries give equal bytes. No user or group names, no access or change times.
 * Names are written byte for byte. Throws RangeError for a device number that ustar cannot hold.
 */
export function tarHeader(entry: WritableEntry): Buffer {
  const records = paxRecords(entry);
  const main = ustarBlock(entry);
  if (records.length === 0) return main;
  const body = Buffer.from(records.map(([key, value]) => formatPaxRecord(key, value)).join(''), 'latin1');
  return Buffer.concat([
    paxHeader(entry.name, body.length),
    body,
    Buffer.alloc(tarPadding(body.length)),
    main,
  ]);
}

/** Zero bytes that follow `size` bytes of content. */
export function tarPadding(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}

/** Records that the ustar header cannot express, sorted by key. */
function paxRecords(entry: WritableEntry): [key: string, value: string][] {
  const records: [string, string][] = [];
  for (const [name, value] of entry.xattrs) {
    records.push([xattrPrefix + name, Buffer.from(value).toString('latin1')]);
  }
  if (entry.gid > maxOctal7) records.push(['gid', String(entry.gid)]);
  if (needsRecord(entry.linkname)) records.push(['linkpath', entry.linkname]);
  if (octalSeconds(entry.mtime) === undefined) records.push(['mtime', formatPaxTime(entry.mtime)]);
  if (splitName(entry.name) === undefined) records.push(['path', entry.name]);
  if (entry.size > maxOctal11) records.push(['size', String(entry.size)]);
  if (entry.uid > maxOctal7) records.push(['uid', String(entry.uid)]);
  return records.length > 1 ? records.sort(([a], [b]) => (a < b ? -1 : 1)) : records;
}

/** The time as whole seconds that 11 octal digits hold. */
function octalSeconds(mtime: bigint): number | undefined {
  if (mtime < 0n || mtime % 1_000_000_000n !== 0n) return undefined;
  const seconds = Number(mtime / 1_000_000_000n);
  return seconds <= maxOctal11 ? seconds : undefined;
}

function needsRecord(link: string): boolean {
  return link.length > 100 || !isAscii(link);
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) >= 0x80) return false;
  return true;
}

/** Prefix and name of a ustar header; undefined when the name does not fit. */
function splitName(name: string): readonly [prefix: string, name: string] | undefined {
  if (!isAscii(name)) return undefined;
  if (name.length <= 100) return ['', name];
  const slash = name.lastIndexOf('/', Math.min(155, name.length - 2));
  const rest = name.length - slash - 1;
  return slash <= 0 || rest > 100 ? undefined : [name.slice(0, slash), name.slice(slash + 1)];
}

function ustarBlock(entry: WritableEntry): Buffer {
  const block = Buffer.alloc(blockSize);
  const [prefix, name] = splitName(entry.name) ?? ['', entry.name.slice(0, 100)];
  block.write(name, 0, 100, 'latin1');
  block.write(entry.linkname, 157, 100, 'latin1');
  block.write(prefix, 345, 155, 'latin1');
  octal(block, 100, [entry.mode & 0o7777, 7]);
  octal(block, 108, [entry.uid > maxOctal7 ? 0 : entry.uid, 7]);
  octal(block, 116, [entry.gid > maxOctal7 ? 0 : entry.gid, 7]);
  octal(block, 124, [entry.size > maxOctal11 ? 0 : entry.size, 11]);
  octal(block, 136, [octalSeconds(entry.mtime) ?? wholeSeconds(entry.mtime), 11]);
  octal(block, 329, [entry.devmajor, 7]);
  octal(block, 337, [entry.devminor, 7]);
  return finish(block, flags[entry.type] ?? '0');
}

/** What readers without PAX see of a time that needs a record. */
function wholeSeconds(mtime: bigint): number {
  const seconds = mtime < 0n ? 0n : mtime / 1_000_000_000n;
  return seconds > BigInt(maxOctal11) ? 0 : Number(seconds);
}

/** The header of a PAX header. Its name is for readers without PAX, who would extract it as a file. */
function paxHeader(name: string, size: number): Buffer {
  const block = Buffer.alloc(blockSize);
  const base = name.replace(/\/+$/, '').split('/').at(-1) ?? '';
  const plain = base.replaceAll(/[^!-~]/g, '');
  block.write(`PaxHeaders.0/${plain}`.slice(0, 100), 0, 100, 'latin1');
  for (const at of [100, 108, 116, 329, 337]) octal(block, at, [0, 7]);
  octal(block, 124, [size, 11]);
  octal(block, 136, [0, 11]);
  return finish(block, 'x');
}

function finish(block: Buffer, flag: string): Buffer {
  block.write(flag, 156, 1, 'latin1');
  block.write('ustar\x0000', 257, 8, 'latin1');
  octal(block, 148, [checksum(block), 6]);
  block[155] = 0x20;
  return block;
}

function octal(block: Buffer, at: number, [value, digits]: readonly [value: number, digits: number]): void {
  const text = value.toString(8).padStart(digits, '0');
  if (text.length > digits) throw new RangeError(`${value} does not fit a tar header`);
  block.write(text, at, digits, 'latin1');
}
