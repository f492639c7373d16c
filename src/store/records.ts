import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../oci/digest.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import { evict } from './evict.js';
import { explained } from './failure.js';
import { publishFile } from './publish.js';
import { readLines, writeLines } from './record-lines.js';

/** Records larger than this are not read: nothing of ours writes them (bytes). */
const maxRecord = 64 * 1024 * 1024;

/**
 * Small values by key in `<bucket>/v1/<xx>/<hex>`. A record may be lost in a power cut but is never wrong: a checksum
 * stands before its text. Keys are 64 lower-case hex digits.
 */
export interface Records {
  /** The value; undefined when there is none or it is damaged. */
  get(hex: string): Promise<unknown>;
  /** Replaces the value. `value` must be what JSON can hold. */
  put(hex: string, value: unknown): Promise<void>;
  /** Replaces the value by bytes. A key has a value, bytes or lines. */
  putBytes(hex: string, bytes: Uint8Array): Promise<void>;
  /** The bytes; undefined when there are none or they are damaged. */
  getBytes(hex: string): Promise<Uint8Array | undefined>;
  /** Writes a record of many lines (without line ends) with flat memory. */
  putLines(hex: string, lines: Iterable<string> | AsyncIterable<string>): Promise<void>;
  /**
   * The lines, many at a time, or undefined when there is no record. Their checksum is compared at the end: a damaged record throws
   * `store` and is removed, so only who came to the end may believe the lines.
   */
  getLines(hex: string): AsyncIterable<readonly string[]> | undefined;
  /** Marks the record as used now, for a collection that keeps what was used last. */
  touch(hex: string): Promise<void>;
  delete(hex: string): Promise<void>;
  list(): AsyncIterable<StoredRecord>;
}

export interface StoredRecord {
  readonly hex: string;
  /** Bytes on disk. */
  readonly size: number;
  /** When it was written or touched last: milliseconds since 1970. */
  readonly used: number;
}

const keyPattern = /^[0-9a-f]{64}$/;
const bucketPattern = /^[a-z][a-z0-9-]{0,63}$/;
/** Folders of a store that are no buckets. */
const reserved = new Set(['blobs', 'directories', 'references', 'locks', 'tmp', 'scratch', 'cache-mounts']);

/** Records of one bucket. The bucket is a literal of our code: a wrong one is a bug. */
export function openRecords(root: string, bucket: string): Records {
  if (!bucketPattern.test(bucket) || reserved.has(bucket)) throw new Error(`not a bucket: ${bucket}`);
  const base = `${bucket}/v1`;
  const relative = (hex: string) => `${base}/${checkKey(hex).slice(0, 2)}/${hex}`;
  const prepare = (hex: string) => mkdir(join(root, base, hex.slice(0, 2)), { recursive: true, mode: 0o700 });
  return {
    get: (hex) => explained('cannot read a record', () => readRecord(join(root, relative(hex)))),
    put: (hex, value) =>
      explained('cannot write a record', async () => {
        const path = relative(hex);
        await prepare(hex);
        await publishFile(root, path, encodeRecord(value), { durable: false });
      }),
    putBytes: (hex, bytes) =>
      explained('cannot write a record', async () => {
        const path = relative(hex);
        await prepare(hex);
        await publishFile(root, path, Buffer.concat([bytes, checksum(bytes)]), { durable: false });
      }),
    getBytes: (hex) => explained('cannot read a record', () => readBytes(join(root, relative(hex)))),
    putLines: (hex, lines) =>
      explained('cannot write a record', async () => {
        const path = relative(hex);
        await prepare(hex);
        await writeLines(root, path, lines);
      }),
    getLines: (hex) => linesOf(root, join(root, relative(hex))),
    touch: (hex) => explained('cannot mark a record', () => touchRecord(join(root, relative(hex)))),
    delete: (hex) => explained('cannot delete a record', () => evict(root, join(root, relative(hex)))),
    list: () => listRecords(join(root, base)),
  };
}

/** Names of the buckets that the store at `root` has. */
export async function listBuckets(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isDirectory() && bucketPattern.test(entry.name))
    .map(({ name }) => name);
  return names.filter((name) => !reserved.has(name) && existsSync(join(root, name, 'v1'))).sort();
}

function checkKey(hex: string): string {
  if (!keyPattern.test(hex)) throw new Error(`not a record's key: ${JSON.stringify(hex.slice(0, 100))}`);
  return hex;
}

/** `sha256:<hex of the JSON>`, a line end, and the JSON. */
export function encodeRecord(value: unknown): string {
  const text = JSON.stringify(value);
  if (text === undefined) throw new Error('a record must have a value');
  return `${digestOf(text)}\n${text}`;
}

/** The value of `encodeRecord`; undefined when the text is damaged. */
export function decodeRecord(text: string): unknown {
  const end = text.indexOf('\n');
  const body = text.slice(end + 1);
  return end < 0 || text.slice(0, end) !== digestOf(body) ? undefined : JSON.parse(body);
}

/** The value of the record file at `path`; undefined when nothing, or nothing sound, is there. */
export async function readRecord(path: string): Promise<unknown> {
  const bytes = readSmallFile(path);
  return bytes === undefined ? undefined : decodeRecord(bytes.toString('utf8'));
}

/** Bytes with their SHA-256 behind them, in the record file at `path`. */
async function readBytes(path: string): Promise<Uint8Array | undefined> {
  const file = readSmallFile(path);
  if (file === undefined || file.length < checksumSize) return undefined;
  const bytes = file.subarray(0, -checksumSize);
  return checksum(bytes).equals(file.subarray(-checksumSize)) ? bytes : undefined;
}

const checksumSize = 32;

function checksum(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function readSmallFile(path: string): Buffer | undefined {
  try {
    // Synchronous: a record is a few hundred bytes, and three turns through libuv's threads cost more than reading it.
    const status = statSync(path, { throwIfNoEntry: false });
    if (status === undefined || !status.isFile() || status.size > maxRecord) return undefined;
    return readFileSync(path);
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'EIO', 'ENOTDIR'].includes(errnoCode(error) ?? '')) return undefined;
    throw error;
  }
}

function linesOf(root: string, path: string): AsyncIterable<readonly string[]> | undefined {
  return isFile(path) ? readLines(path, () => damagedLines(root, path)) : undefined;
}

/** Of a record that is there: a promise would not let a caller say `undefined` at once. */
function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

async function damagedLines(root: string, path: string): Promise<TsbuildError> {
  await evict(root, path);
  return new TsbuildError('store', 'a record in the store was damaged and has been removed', {
    damaged: true,
    hint: 'run the same command again: what is missing is made again',
  });
}

async function touchRecord(path: string): Promise<void> {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch (error) {
    if (errnoCode(error) !== 'ENOENT') throw error;
  }
}

async function* listRecords(base: string): AsyncIterable<StoredRecord> {
  for (const prefix of await names(base)) {
    for (const hex of await names(join(base, prefix))) {
      if (!keyPattern.test(hex) || !hex.startsWith(prefix)) continue;
      const status = await stat(join(base, prefix, hex)).catch(() => undefined);
      if (status !== undefined) yield { hex, size: status.size, used: status.mtimeMs };
    }
  }
}

async function names(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (errnoCode(error) === 'ENOENT' || errnoCode(error) === 'ENOTDIR') return [];
    throw error;
  }
}
