/** Image archives as files by name, whatever they come as. Everything in them is taken for hostile. */
import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { detectCompression, headSize } from '../layers/compression.js';
import { decompress } from '../layers/decompress.js';
import { cleanPath, joinPath, parentOf, quoted } from '../layers/path.js';
import { readTar, type TarItem } from '../layers/tar/read.js';
import type { StoredBlob } from '../store/blob-writer.js';
import type { Store } from '../store/store.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import { rereadable } from './rereadable.js';

/** Files of an archive. Names are byte strings without `.` and `..`; contents are blobs of the store. */
export interface ArchiveFiles {
  /** The content of a regular file; undefined when there is none. Throws `archive` when the name is something else. */
  find(name: string): Promise<StoredBlob | undefined>;
  /** As `find`, for files that older archives write once and link to from other names. */
  findLinked(name: string): Promise<StoredBlob | undefined>;
}

/** An image has a few files per layer. */
const maxMembers = 20_000;

type Member = { readonly blob: StoredBlob } | { readonly target: string } | 'other';

/**
 * Reads a tar, compressed or not, in one pass: every file becomes a blob. Throws `archive` for archives that readers
 * could understand differently (a name twice, names with `..`) and beyond the limits.
 */
export async function readArchiveFiles(
  source: AsyncIterable<Uint8Array>,
  store: Store,
): Promise<ArchiveFiles> {
  const { head, whole } = await rereadable(source, headSize);
  const members = new Map<string, Member>();
  for await (const item of readTar(decompress(whole, detectCompression(head)))) {
    if (item.entry.type === 'directory') continue;
    const name = checkedName(item.entry.name);
    if (members.has(name)) throw refused(`it has ${quoted(name)} twice`);
    if (members.size >= maxMembers) throw refused(`it has more than ${maxMembers} files`);
    members.set(name, await memberOf(item, name, store));
  }
  return memberFiles(members);
}

function refused(problem: string): TsbuildError {
  return new TsbuildError('archive', `the image archive is not valid: ${problem}`);
}

function checkedName(name: string): string {
  if (name.split('/').includes('..')) throw refused(`the name ${quoted(name)} leads out of it`);
  return cleanPath(name);
}

async function memberOf(item: TarItem, name: string, store: Store): Promise<Member> {
  const { entry } = item;
  if (entry.type === 'symlink') return { target: cleanPath(joinPath(parentOf(name), entry.linkname)) };
  if (entry.type === 'hardlink') return { target: checkedName(entry.linkname) };
  if (entry.type !== 'file') return 'other';
  return { blob: await storeContent(item.body(), store) };
}

async function storeContent(content: AsyncIterable<Uint8Array>, store: Store): Promise<StoredBlob> {
  const writer = await store.blobs.writer();
  try {
    for await (const chunk of content) await writer.write(chunk);
    return await writer.commit();
  } finally {
    await writer.abort();
  }
}

function memberFiles(members: ReadonlyMap<string, Member>): ArchiveFiles {
  const find = (name: string) => {
    const member = members.get(name);
    if (member === undefined) return Promise.resolve(undefined);
    if (member !== 'other' && 'blob' in member) return Promise.resolve(member.blob);
    return Promise.reject(refused(`${quoted(name)} is not a regular file`));
  };
  return {
    find,
    findLinked: (name) => {
      const member = members.get(name);
      // One step within the archive is enough for what docker save wrote.
      return find(member !== undefined && member !== 'other' && 'target' in member ? member.target : name);
    },
  };
}

/** The files of an unpacked archive. No symbolic link below `path` is followed. */
export function folderFiles(path: string, store: Store): ArchiveFiles {
  const known = new Map<string, Promise<StoredBlob | undefined>>();
  const find = (name: string) => {
    const found = known.get(name) ?? readFolderFile(path, checkedName(name), store);
    known.set(name, found);
    return found;
  };
  return { find, findLinked: find };
}

async function readFolderFile(root: string, name: string, store: Store): Promise<StoredBlob | undefined> {
  const text = Buffer.from(name, 'latin1').toString('utf8');
  try {
    for (let parent = parentOf(text); parent !== ''; parent = parentOf(parent)) {
      if (!(await lstat(join(root, parent))).isDirectory()) throw refused(`${quoted(name)} is behind a link`);
    }
    return await readRegular(join(root, text), store);
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return undefined;
    if (errnoCode(error) === 'ELOOP') throw refused(`${quoted(name)} is a symbolic link`);
    throw error;
  }
}

async function readRegular(path: string, store: Store): Promise<StoredBlob> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) throw refused(`${JSON.stringify(path)} is not a regular file`);
    return await storeContent(handle.createReadStream({ autoClose: false, highWaterMark: 1 << 18 }), store);
  } finally {
    await handle.close();
  }
}
