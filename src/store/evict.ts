import { lstat, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoCode } from '../util/errors.js';
import { removeTree } from './remove-tree.js';
import { temporaryName } from './temporary.js';

/**
 * Moves what stands at `path` into the store's `tmp` and deletes it there: a reader sees all of it or nothing,
 * whatever it is. Nothing there is no failure.
 */
export async function evict(root: string, path: string): Promise<void> {
  const aside = join(root, 'tmp', temporaryName());
  try {
    await rename(path, aside);
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return;
    throw error;
  }
  await removeTree(aside);
}

/** Evicts what is no regular file: a file cannot be renamed over a folder. */
export async function clearObstacle(root: string, path: string): Promise<void> {
  try {
    if (!(await lstat(path)).isFile()) await evict(root, path);
  } catch (error) {
    if (errnoCode(error) !== 'ENOENT') throw error;
  }
}
