import { chmod, readdir, rmdir, unlink } from 'node:fs/promises';
import { bytePath } from '../util/bytes.js';
import { errnoCode } from '../util/errors.js';

/**
 * Deletes a byte-string path and everything below it, never following links. Unlike fs.rm it takes names that are
 * not UTF-8, and directories without permissions. An absent path is fine.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await unlink(bytePath(path));
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'EISDIR') await removeDirectory(path);
    else if (code !== 'ENOENT') throw error;
  }
}

async function removeDirectory(path: string): Promise<void> {
  try {
    await removeEntries(path);
  } catch (error) {
    if (errnoCode(error) !== 'EACCES') throw error;
    await chmod(bytePath(path), 0o700);
    await removeEntries(path);
  }
  await rmdir(bytePath(path));
}

async function removeEntries(path: string): Promise<void> {
  for (const name of await readdir(bytePath(path), { encoding: 'buffer' })) {
    await removeTree(`${path}/${name.toString('latin1')}`);
  }
}
