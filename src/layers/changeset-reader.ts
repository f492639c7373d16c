import { isDigest } from '../oci/digest.js';
import { TsbuildError } from '../util/errors.js';
import type { Changeset, ChangesetDirectory, ChangesetEntry, LinkGroup, Metadata } from './types.js';

const largestId = 0xffff_ffff;

/** A record with its fields still to be read, in order. */
class Fields {
  #next = 0;

  constructor(private readonly values: readonly unknown[]) {}

  get rest(): number {
    return this.values.length - this.#next;
  }

  text(pattern = /^[\0-\xff]*$/): string {
    const value = this.values[this.#next++];
    if (typeof value !== 'string' || !pattern.test(value)) throw damaged();
    return value;
  }

  number(max = Number.MAX_SAFE_INTEGER): number {
    const value = this.values[this.#next++];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > max)
      throw damaged();
    return value;
  }

  flag(): boolean {
    return this.number(1) === 1;
  }

  list(): Fields {
    const value = this.values[this.#next++];
    if (!Array.isArray(value)) throw damaged();
    return new Fields(value);
  }

  /** A list, or the number 0 for none. */
  optionalList(): Fields | undefined {
    if (this.values[this.#next] !== 0) return this.list();
    this.#next++;
    return undefined;
  }
}

/** Builds a changeset of its records (see `changesetToJson`), checking each. */
export class ChangesetReader {
  /** The directories on the way to the last one, the root first. */
  readonly #open: Map<string, ChangesetEntry>[] = [];
  readonly #groups = new Map<number, LinkGroup>();
  #root: ChangesetDirectory | undefined;
  #started = false;
  #ended = false;
  #count = 0;

  addLine(line: string): void {
    let record: unknown;
    try {
      record = JSON.parse(line);
    } catch (cause) {
      throw damaged(cause);
    }
    this.add(record);
  }

  add(record: unknown): void {
    if (!Array.isArray(record) || this.#ended) throw damaged();
    const fields = new Fields(record);
    const kind = fields.text();
    if (!this.#started) this.#start(kind, fields);
    else if (kind === 'end') this.#finish(fields);
    else this.#addEntry(kind, fields);
    if (fields.rest > 0) throw damaged();
  }

  end(): Changeset {
    if (this.#root === undefined || !this.#ended) throw damaged();
    return this.#root;
  }

  #start(kind: string, fields: Fields): void {
    if (kind !== 'tsbuild-changeset' || fields.number() !== 1) throw damaged();
    this.#started = true;
  }

  #finish(fields: Fields): void {
    if (fields.number() !== this.#count) throw damaged();
    this.#ended = true;
  }

  #addEntry(kind: string, fields: Fields): void {
    this.#count++;
    const depth = fields.number();
    const name = fields.text();
    if (kind === 'directory') this.#addDirectory(depth, name, fields);
    else this.#put(depth, name, readLeaf(kind, fields, this.#groups));
  }

  #addDirectory(depth: number, name: string, fields: Fields): void {
    const meta = readMetadata(fields.optionalList());
    const entries = new Map<string, ChangesetEntry>();
    const directory: ChangesetDirectory = { kind: 'directory', meta, opaque: fields.flag(), entries };
    if (depth > 0) this.#put(depth, name, directory);
    else if (this.#root === undefined && name === '') this.#root = directory;
    else throw damaged();
    this.#open.length = depth;
    this.#open.push(entries);
  }

  #put(depth: number, name: string, entry: ChangesetEntry): void {
    const parent = this.#open[depth - 1];
    if (parent === undefined || !isName(name) || parent.has(name)) throw damaged();
    parent.set(name, entry);
    this.#open.length = depth;
  }
}

function isName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0');
}

function readLeaf(kind: string, fields: Fields, groups: Map<number, LinkGroup>): ChangesetEntry {
  switch (kind) {
    case 'file':
      return readFile(fields, groups);
    case 'symlink':
      return { kind, meta: requiredMetadata(fields), target: fields.text() };
    case 'char':
    case 'block':
    case 'fifo':
      return {
        kind: 'device',
        type: kind,
        meta: requiredMetadata(fields),
        major: fields.number(),
        minor: fields.number(),
      };
    case 'hardlink': {
      const target = fields.text();
      return fields.flag() ? { kind, target, below: true } : { kind, target };
    }
    case 'whiteout':
      return { kind };
    default:
      throw damaged();
  }
}

function readFile(fields: Fields, groups: Map<number, LinkGroup>): ChangesetEntry {
  const meta = requiredMetadata(fields);
  const size = fields.number();
  const digest = fields.text();
  if (!isDigest(digest)) throw damaged();
  if (fields.rest === 0) return { kind: 'file', meta, size, digest };
  const number = fields.number();
  const links = groups.get(number) ?? {};
  groups.set(number, links);
  return { kind: 'file', meta, size, digest, links };
}

function requiredMetadata(fields: Fields): Metadata {
  const meta = readMetadata(fields.list());
  if (meta === undefined) throw damaged();
  return meta;
}

function readMetadata(fields: Fields | undefined): Metadata | undefined {
  if (fields === undefined) return undefined;
  const mode = fields.number(0o7777);
  const uid = fields.number(largestId);
  const gid = fields.number(largestId);
  const mtime = BigInt(fields.text(/^-?\d{1,30}$/));
  const meta = { mode, uid, gid, mtime };
  if (fields.rest === 0) return meta;
  const xattrs = new Map<string, Uint8Array>();
  for (const list = fields.list(); list.rest > 0;) {
    const pair = list.list();
    xattrs.set(pair.text(), Uint8Array.from(Buffer.from(pair.text(/^[A-Za-z0-9+/]*={0,2}$/), 'base64')));
    if (pair.rest > 0) throw damaged();
  }
  if (fields.rest > 0) throw damaged();
  return { ...meta, xattrs };
}

function damaged(cause?: unknown): TsbuildError {
  return new TsbuildError('store', 'a stored changeset is damaged', {
    damaged: true,
    hint: 'delete the store; it is made again when it is needed',
    cause,
  });
}
