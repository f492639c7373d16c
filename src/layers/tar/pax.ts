import { archiveError } from './entry.js';

/** Records of one PAX header, keys and values as byte strings. */
export type PaxRecords = Map<string, string>;

export const xattrPrefix = 'SCHILY.xattr.';

const textKeys = new Set(['path', 'linkpath', 'uname', 'gname']);

/**
 * Parses the body of a PAX header (POSIX.1-2001 pax, "pax Header Block"). The sparse pairs of GNU format 0.0, which
 * repeat a key, are joined into the `GNU.sparse.map` of format 0.1. Throws `archive` where a length, a key or an order
 * is wrong, or where a name contains a NUL.
 */
export function parsePax(body: Buffer): PaxRecords {
  const records: PaxRecords = new Map();
  const sparse: string[] = [];
  let at = 0;
  while (at < body.length) {
    const { key, value, end } = parseRecord(body, at);
    at = end;
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') {
      const expected = sparse.length % 2 === 0 ? 'GNU.sparse.offset' : 'GNU.sparse.numbytes';
      if (key !== expected || value.includes(',')) throw archiveError('the sparse map is out of order');
      sparse.push(value);
    } else records.set(key, value);
  }
  if (sparse.length > 0) records.set('GNU.sparse.map', sparse.join(','));
  return records;
}

function parseRecord(body: Buffer, start: number): { key: string; value: string; end: number } {
  const space = body.indexOf(0x20, start);
  const digits = space < 0 || space - start > 20 ? '' : body.toString('latin1', start, space);
  const length = /^\+?\d+$/.test(digits) ? Number(digits) : 0;
  const end = start + length;
  if (length < 5 || end > body.length || end <= space + 1 || body[end - 1] !== 0x0a) {
    throw archiveError('a PAX record has a wrong length');
  }
  const record = body.toString('latin1', space + 1, end - 1);
  const equals = record.indexOf('=');
  if (equals <= 0) throw archiveError('a PAX record has no key');
  const key = record.slice(0, equals);
  const value = record.slice(equals + 1);
  if (key.includes('\0') || (textKeys.has(key) && value.includes('\0'))) {
    throw archiveError('a PAX record contains a NUL');
  }
  return { key, value, end };
}

/** One record: its length counts itself. */
export function formatPaxRecord(key: string, value: string): string {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length !== String(rest).length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

/** Seconds with as many decimals as are needed; exact for negative times. */
export function formatPaxTime(mtime: bigint): string {
  const sign = mtime < 0n ? '-' : '';
  const absolute = mtime < 0n ? -mtime : mtime;
  const fraction = String(absolute % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${sign}${absolute / 1_000_000_000n}${fraction === '' ? '' : `.${fraction}`}`;
}
