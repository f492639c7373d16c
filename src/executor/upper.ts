import { lstat, rmdir, unlink } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import { applyAttributes } from '../sys/attributes.js';
import { bytePath } from '../util/bytes.js';
import { errnoCode } from '../util/errors.js';
import type { MountPoints } from './mount-points.js';

/**
 * Removes from an upper what only our mount points have caused: whiteouts of stubs, and stubs that were copied up
 * and hold nothing. The directories they lie in keep their times. All processes of the step must have ended.
 */
export async function tidyUpper(upper: string, points: MountPoints): Promise<void> {
  for (const path of [...points.stubs.keys()].sort((a, b) => (a < b ? 1 : -1))) {
    const node = await lstatBelow(upper, path);
    if (node === undefined) continue;
    const parent = `${upper}/${path}`.replace(/\/[^/]*$/, '');
    const { mtimeNs } = await lstat(bytePath(parent), { bigint: true });
    if (await removeIfEmpty(`${upper}/${path}`, node))
      await applyAttributes([{ path: parent, mtime: mtimeNs }]);
  }
}

async function removeIfEmpty(path: string, node: BigIntStats): Promise<boolean> {
  const whiteout = node.isCharacterDevice() && node.rdev === 0n;
  if (whiteout || (node.isFile() && node.size === 0n)) {
    await unlink(bytePath(path));
    return true;
  }
  if (!node.isDirectory()) return false;
  try {
    await rmdir(bytePath(path));
    return true;
  } catch (error) {
    if (errnoCode(error) === 'ENOTEMPTY') return false;
    throw error;
  }
}

/** lstat of a path below a directory; undefined when it is absent or anything but directories leads to it. */
async function lstatBelow(directory: string, path: string): Promise<BigIntStats | undefined> {
  let at = directory;
  let stats: BigIntStats | undefined;
  for (const name of path.split('/')) {
    if (stats !== undefined && !stats.isDirectory()) return undefined;
    at = `${at}/${name}`;
    try {
      stats = await lstat(bytePath(at), { bigint: true });
    } catch (error) {
      if (errnoCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }
  return stats;
}
