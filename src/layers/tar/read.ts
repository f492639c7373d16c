/**
 * Reads tar archives of strangers. Every odd archive is treated as Go's archive/tar treats it, because registries and
 * runtimes read layers with it: what one of them does not see must not exist for us either, and the other way round.
 */
import { ByteReader } from '../byte-reader.js';
import type { SparseExtent } from '../types.js';
import { TarContent, stretchesOf } from './content.js';
import { archiveError, blockSize, entryType, isHeaderOnly, maxSpecialSize, type TarEntry } from './entry.js';
import { cString, parseHeader, type RawHeader } from './header.js';
import { boundedTime, parseDecimal, parsePaxTime, within } from './numbers.js';
import { parsePax, xattrPrefix, type PaxRecords } from './pax.js';
import { readSparseMap } from './sparse.js';

export interface TarReadOptions {
  /** Sees every byte of the archive, in order, also what stands behind its end. */
  readonly onChunk?: (chunk: Buffer) => void;
}

export interface TarItem {
  readonly entry: TarEntry;
  /** Where the stored bytes of the content begin, from the beginning of the archive. */
  readonly dataOffset: number;
  /** Present for sparse files: which stretches are stored, one after the other, from `dataOffset` on. */
  readonly extents: readonly SparseExtent[] | undefined;
  /** The content, holes as zeros. Valid until the next item is asked for; what is not read is skipped. */
  readonly content: TarContent;
  body(): AsyncIterable<Uint8Array>;
}

/**
 * The members of an uncompressed archive in order. PAX and GNU headers are merged into the member that they describe;
 * a PAX global header describes nothing (Go hands it on, containerd ignores it). The archive ends at two zero blocks
 * or where the source ends between members; what follows is read to its end and passed to `onChunk` only.
 * Throws TsbuildError `archive` for what Go refuses.
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  options: TarReadOptions = {},
): AsyncGenerator<TarItem, void> {
  const reader = new ByteReader(source, options.onChunk);
  try {
    for (;;) {
      const item = await nextItem(reader);
      if (item === undefined) break;
      yield item;
      await item.content.skip();
      if (!(await skipPadding(reader, item))) break;
    }
    while ((await reader.readSome(Number.MAX_SAFE_INTEGER)) !== undefined);
  } finally {
    await reader.close();
  }
}

/** Padding that is cut off ends the archive without an error. */
async function skipPadding(reader: ByteReader, item: TarItem): Promise<boolean> {
  const padding = paddingOf(reader.position - item.dataOffset);
  return (await reader.skip(padding)) === padding;
}

function paddingOf(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}

interface Extensions {
  records: PaxRecords;
  longName: string;
  longLink: string;
}

const noExtensions = (): Extensions => ({ records: new Map(), longName: '', longLink: '' });

async function nextItem(reader: ByteReader): Promise<TarItem | undefined> {
  let extensions = noExtensions();
  for (;;) {
    const block = await readBlock(reader);
    if (block === undefined) return undefined;
    const header = parseHeader(block);
    const special = 'xgKL'.includes(header.flag) ? await readSpecial(reader, header) : undefined;
    if (special === undefined) return memberOf(reader, block, { header, extensions });
    if (special.truncated) return undefined;
    // As in Go, a global header also forgets the headers before it that were meant for the next member.
    if (header.flag === 'g') extensions = noExtensions();
    if (header.flag === 'x') extensions.records = special.records;
    if (header.flag === 'L') extensions.longName = special.text;
    if (header.flag === 'K') extensions.longLink = special.text;
  }
}

/** A header block, or undefined at the end of the archive. */
async function readBlock(reader: ByteReader): Promise<Buffer | undefined> {
  const block = reader.tryRead(blockSize) ?? (await reader.read(blockSize));
  if (block.length === 0) return undefined;
  if (block.length < blockSize) throw archiveError('it ends inside a header', reader.position);
  if (!isZero(block)) return block;
  const second = await reader.read(blockSize);
  if (second.length === 0) return undefined;
  if (second.length === blockSize && isZero(second)) return undefined;
  throw archiveError('a single zero block stands between members', reader.position);
}

const zeroBlock = Buffer.alloc(blockSize);

function isZero(block: Buffer): boolean {
  return block[0] === 0 && block.equals(zeroBlock);
}

interface Special {
  readonly text: string;
  readonly records: PaxRecords;
  readonly truncated: boolean;
}

async function readSpecial(reader: ByteReader, header: RawHeader): Promise<Special> {
  const size = contentSize(header.size);
  if (size > maxSpecialSize) throw archiveError('an extended header is longer than 1 MiB', reader.position);
  const body = await reader.read(size);
  if (body.length < size) throw archiveError('it ends inside an extended header', reader.position);
  const isPax = header.flag === 'x' || header.flag === 'g';
  const records: PaxRecords = isPax ? parsePax(body) : new Map();
  if (header.flag === 'g') mergePax({ ...header }, records);
  const padding = paddingOf(size);
  const truncated = (await reader.skip(padding)) < padding;
  return { text: isPax ? '' : cString(body, [0, body.length]), records, truncated };
}

function contentSize(size: number | bigint): number {
  return within(size, [0, Number.MAX_SAFE_INTEGER], 'a size');
}

async function memberOf(
  reader: ByteReader,
  block: Buffer,
  { header, extensions }: { header: RawHeader; extensions: Extensions },
): Promise<TarItem> {
  const { records, longName, longLink } = extensions;
  if (!isHeaderOnly(header.flag)) contentSize(header.size);
  const merged = mergePax(header, records);
  if (longName !== '') header.name = longName;
  if (longLink !== '') header.linkname = longLink;
  // Archives older than POSIX mark directories by a trailing slash only.
  if (header.flag === '\0' && header.name.endsWith('/')) header.flag = '5';
  const stored = isHeaderOnly(header.flag) ? 0 : contentSize(header.size);
  const map = await readSparseMap(header, block, { records, reader });
  if (map?.name !== undefined) header.name = map.name;
  const size = map?.size ?? stored;
  const stretches =
    map === undefined
      ? [{ hole: false, length: stored }]
      : stretchesOf(map.extents, { size, stored: stored - map.mapBytes });
  const dataOffset = reader.position;
  const content = new TarContent(reader, stretches);
  const entry = entryOf(header, { size, mtime: merged.mtime, xattrs: merged.xattrs });
  return { entry, dataOffset, extents: map?.extents, content, body: () => content };
}

interface Merged {
  readonly mtime: bigint | undefined;
  readonly xattrs: Map<string, Uint8Array>;
}

/** Overrides the header's fields by those of its PAX records; an empty value leaves the header's. */
function mergePax(header: RawHeader, records: PaxRecords): Merged {
  let mtime: bigint | undefined;
  const xattrs = new Map<string, Uint8Array>();
  for (const [key, value] of records) {
    if (key.startsWith(xattrPrefix))
      xattrs.set(key.slice(xattrPrefix.length), Uint8Array.from(Buffer.from(value, 'latin1')));
    if (value === '') continue;
    if (key === 'path') header.name = value;
    else if (key === 'linkpath') header.linkname = value;
    else if (key === 'uid') header.uid = parseDecimal(value);
    else if (key === 'gid') header.gid = parseDecimal(value);
    else if (key === 'size') header.size = parseDecimal(value);
    else if (key === 'mtime') mtime = parsePaxTime(value);
    else if (key === 'atime' || key === 'ctime') parsePaxTime(value);
  }
  return { mtime, xattrs };
}

const ids = [0, 0xffff_fffe] as const;
const deviceNumbers = [0, 0xffff_ffff] as const;

function entryOf(
  header: RawHeader,
  { size, mtime, xattrs }: { size: number; mtime: bigint | undefined; xattrs: Map<string, Uint8Array> },
): TarEntry {
  const isDevice = header.flag === '3' || header.flag === '4';
  if (header.name.includes('\0') || header.linkname.includes('\0'))
    throw archiveError('a name contains a NUL');
  return {
    name: header.name,
    linkname: header.linkname,
    type: entryType(header.flag),
    flag: header.flag,
    mode: Number(BigInt(header.mode) & 0o7777n),
    // The largest 32-bit id means "unchanged" to chown(2): it would become root's file.
    uid: within(header.uid, ids, 'a user id'),
    gid: within(header.gid, ids, 'a group id'),
    size,
    mtime: mtime ?? boundedTime(header.mtime),
    devmajor: isDevice ? within(header.devmajor, deviceNumbers, 'a device number') : 0,
    devminor: isDevice ? within(header.devminor, deviceNumbers, 'a device number') : 0,
    xattrs,
  };
}
