import type { Dirent } from 'node:fs';
import { chmod, lstat, readdir, rename, rmdir, unlink } from 'node:fs/promises';
import { bytePath, toByteString } from '../util/bytes.js';
import { errnoCode } from '../util/errors.js';

/** Longer paths are shortened by moving their folder up, so that no depth meets PATH_MAX (4096). */
const longPath = 2048;
const concurrency = 16;

/**
 * Deletes a file or a folder with everything below: names of any bytes, any depth, folders without permissions.
 * `path` is text. Nothing there is no failure. Symbolic links are not followed: nobody else may write to the tree.
 */
export async function removeTree(path: string): Promise<void> {
  const top = toByteString(path);
  const status = await ignoring('ENOENT', () => lstat(path));
  if (status === undefined) return;
  if (!status.isDirectory()) return ignoring('ENOENT', () => unlink(path));
  await removeFolder(top, { name: top, count: 0 });
}

interface Shortener {
  readonly name: string;
  count: number;
}

async function removeFolder(path: string, shortener: Shortener): Promise<void> {
  const short = path.length > longPath ? await shorten(path, shortener) : path;
  const entries = await ignoring('ENOENT', () => list(short));
  const folders: string[] = [];
  const files: string[] = [];
  for (const entry of entries ?? []) {
    (entry.isDirectory() ? folders : files).push(`${short}/${entry.name.toString('latin1')}`);
  }
  for (let i = 0; i < files.length; i += concurrency) {
    const batch = files.slice(i, i + concurrency);
    await Promise.all(batch.map((file) => ignoring('ENOENT', () => unlink(bytePath(file)))));
  }
  for (const folder of folders) await removeFolder(folder, shortener);
  await ignoring('ENOENT', () => rmdir(bytePath(short)));
}

/** The entries, after making the folder ours to read and change when it was not. */
async function list(path: string): Promise<Dirent<Buffer>[]> {
  const status = await lstat(bytePath(path));
  if ((status.mode & 0o700) !== 0o700) await chmod(bytePath(path), 0o700);
  // Names as Buffers: with a Buffer path Node cannot look up the type of a name that is text.
  return readdir(bytePath(path), { encoding: 'buffer', withFileTypes: true });
}

async function shorten(path: string, shortener: Shortener): Promise<string> {
  shortener.count += 1;
  const short = `${shortener.name}.${shortener.count}`;
  await chmod(bytePath(path), 0o700);
  await rename(bytePath(path), bytePath(short));
  return short;
}

async function ignoring<T>(code: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (errnoCode(error) === code) return undefined;
    throw error;
  }
}
