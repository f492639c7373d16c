import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { diskSize } from '../store/disk-size.js';
import { removeTree } from '../sys/remove-tree.js';
import { toByteString } from '../util/bytes.js';

/** Folder of the store that holds the caches of RUN --mount=type=cache. */
export const cacheMountFolder = 'cache-mounts/v1';

export interface CacheMountUsage {
  readonly count: number;
  /** Bytes on disk. */
  readonly bytes: number;
}

/** What the caches of RUN --mount=type=cache below `root` (text) take. */
export function cacheMountUsage(root: string): Promise<CacheMountUsage> {
  return visit(root, () => Promise.resolve());
}

/**
 * Deletes the caches below `root` (text) that were not used since then (milliseconds since 1970; all with Infinity).
 * No build may be running: the caller holds the lock of the collection.
 */
export function pruneCacheMounts(
  root: string,
  { usedSince, dryRun }: { readonly usedSince: number; readonly dryRun: boolean },
): Promise<CacheMountUsage> {
  const isOld = async (folder: string): Promise<boolean> => (await lastUse(folder)) < usedSince;
  return visit(root, (folder) => (dryRun ? Promise.resolve() : removeTree(toByteString(folder))), isOld);
}

async function visit(
  root: string,
  action: (folder: string) => Promise<void>,
  isWanted: (folder: string) => Promise<boolean> = () => Promise.resolve(true),
): Promise<CacheMountUsage> {
  let count = 0;
  let bytes = 0;
  for (const name of await list(root)) {
    const folder = join(root, name);
    if (!(await isWanted(folder))) continue;
    count += 1;
    bytes += await diskSize(folder);
    await action(folder);
  }
  return { count, bytes };
}

/** The time of the youngest lock: whoever takes a cache sets it. */
async function lastUse(folder: string): Promise<number> {
  const times = (await list(folder)).map(async (slot) => {
    const lock = await stat(join(folder, slot, 'lock')).catch(() => undefined);
    return lock?.mtimeMs ?? 0;
  });
  return Math.max(0, ...(await Promise.all(times)));
}

async function list(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
