import type { ByteReader } from '../byte-reader.js';
import type { SparseExtent } from '../types.js';
import { archiveError, blockSize, maxSpecialSize } from './entry.js';
import type { RawHeader } from './header.js';
import { parseDecimal, parseNumeric, within } from './numbers.js';
import type { PaxRecords } from './pax.js';

/** What the headers of a sparse file say. `mapBytes` of its content were the map and are consumed. */
export interface SparseMap {
  readonly name: string | undefined;
  readonly size: number;
  readonly extents: readonly SparseExtent[];
  readonly mapBytes: number;
}

const sizes = [0, Number.MAX_SAFE_INTEGER] as const;

/**
 * Reads the map of a sparse file in any of GNU's four forms; undefined for a file that is not sparse. `reader` stands
 * at the content. Throws `archive` for a map that overlaps, runs backwards or leaves the file.
 */
export async function readSparseMap(
  header: RawHeader,
  block: Buffer,
  { records, reader }: { records: PaxRecords; reader: ByteReader },
): Promise<SparseMap | undefined> {
  const map =
    header.flag === 'S' ? await readOldMap(header, block, reader) : await readPaxMap(header, records, reader);
  if (map !== undefined) checkExtents(map);
  return map;
}

function checkExtents({ extents, size }: SparseMap): void {
  let end = 0;
  for (const extent of extents) {
    if (extent.offset < end) throw archiveError('the sparse map overlaps itself');
    end = extent.offset + extent.length;
    if (end > size) throw archiveError('the sparse map is longer than its file');
  }
}

/** Old GNU: pairs in the header from byte 386, continued in whole blocks that follow it. */
async function readOldMap(header: RawHeader, block: Buffer, reader: ByteReader): Promise<SparseMap> {
  if (header.format !== 'gnu') throw archiveError('a sparse file has no GNU header');
  const size = within(parseNumeric(block, 483, 12), sizes, 'the size of a sparse file');
  const extents: SparseExtent[] = [];
  let area = block.subarray(386, 386 + 4 * 24 + 1);
  for (let total = area.length; total < maxSpecialSize; total += area.length) {
    const pairs = Math.floor(area.length / 24);
    for (let at = 0; at < pairs * 24 && area[at] !== 0; at += 24) {
      const offset = within(parseNumeric(area, at, 12), sizes, 'a sparse offset');
      extents.push({ offset, length: within(parseNumeric(area, at + 12, 12), sizes, 'a sparse length') });
    }
    if (area[pairs * 24] === 0) return { name: undefined, size, extents, mapBytes: 0 };
    area = await reader.read(blockSize);
    if (area.length < blockSize) throw archiveError('it ends inside a sparse map', reader.position);
  }
  throw archiveError('a sparse map is too long');
}

async function readPaxMap(
  header: RawHeader,
  records: PaxRecords,
  reader: ByteReader,
): Promise<SparseMap | undefined> {
  const major = records.get('GNU.sparse.major') ?? '';
  const minor = records.get('GNU.sparse.minor') ?? '';
  const inContent = major === '1' && minor === '0';
  const inRecords =
    major === '0'
      ? minor === '0' || minor === '1'
      : major === '' && minor === '' && Boolean(records.get('GNU.sparse.map'));
  if (!inContent && !inRecords) return undefined;
  if (header.flag >= '1' && header.flag <= '6')
    throw archiveError('something that is no file has a sparse map');
  const declared = records.get('GNU.sparse.size') || records.get('GNU.sparse.realsize');
  const size = within(declared ? parseDecimal(declared) : header.size, sizes, 'the size of a sparse file');
  const name = records.get('GNU.sparse.name') || undefined;
  if (inContent) return { name, size, ...(await readContentMap(reader)) };
  return { name, size, extents: recordMap(records), mapBytes: 0 };
}

/** PAX 0.0 and 0.1: a list of numbers in one record. */
function recordMap(records: PaxRecords): SparseExtent[] {
  const count = within(
    parseDecimal(records.get('GNU.sparse.numblocks') ?? ''),
    [0, maxSpecialSize],
    'the number of sparse blocks',
  );
  const text = records.get('GNU.sparse.map') ?? '';
  const numbers = text === '' ? [] : text.split(',');
  if (numbers.length !== 2 * count) throw archiveError('the sparse map has a wrong number of entries');
  return pairUp(numbers);
}

/** PAX 1.0: numbers, one to a line, at the beginning of the content, filled up to whole blocks. */
async function readContentMap(reader: ByteReader): Promise<Pick<SparseMap, 'extents' | 'mapBytes'>> {
  let text = '';
  let lines = 0;
  const feed = async (wanted: number): Promise<void> => {
    while (lines < wanted) {
      if (text.length >= maxSpecialSize) throw archiveError('a sparse map is too long');
      const block = await reader.read(blockSize);
      if (block.length < blockSize) throw archiveError('it ends inside a sparse map', reader.position);
      for (const byte of block) if (byte === 0x0a) lines++;
      text += block.toString('latin1', 0, blockSize);
    }
  };
  await feed(1);
  const count = within(
    parseDecimal(text.slice(0, text.indexOf('\n'))),
    [0, maxSpecialSize],
    'the number of sparse blocks',
  );
  await feed(1 + 2 * count);
  return { extents: pairUp(text.split('\n', 1 + 2 * count).slice(1)), mapBytes: text.length };
}

function pairUp(numbers: readonly string[]): SparseExtent[] {
  const extents: SparseExtent[] = [];
  for (let at = 0; at + 1 < numbers.length; at += 2) {
    const offset = within(parseDecimal(numbers[at] ?? ''), sizes, 'a sparse offset');
    extents.push({ offset, length: within(parseDecimal(numbers[at + 1] ?? ''), sizes, 'a sparse length') });
  }
  return extents;
}
