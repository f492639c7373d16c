import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { bytePath, toByteString } from '../util/bytes.js';

/** Files whose status is asked at once. */
const batch = 32;

/**
 * Bytes that a file or folder takes on disk (blocks, as du counts); a file with several names counts once. What
 * disappears meanwhile or cannot be read counts nothing. `path` is text.
 */
export async function diskSize(path: string): Promise<number> {
  const seen = new Set<string>();
  let total = 0;
  const folders = [toByteString(path)];
  total += await blocksOf(toByteString(path), seen);
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const base = folder;
    const entries = await list(base);
    for (let i = 0; i < entries.length; i += batch) {
      const part = entries
        .slice(i, i + batch)
        .map((entry) => ({ entry, path: `${base}/${entry.name.toString('latin1')}` }));
      const sizes = await Promise.all(part.map((item) => blocksOf(item.path, seen)));
      total += sizes.reduce((sum, size) => sum + size, 0);
      for (const item of part) if (item.entry.isDirectory()) folders.push(item.path);
    }
  }
  return total;
}

async function blocksOf(path: string, seen: Set<string>): Promise<number> {
  const status = await lstat(bytePath(path)).catch(() => undefined);
  if (status === undefined) return 0;
  if (status.nlink > 1 && !status.isDirectory()) {
    const inode = `${status.dev}:${status.ino}`;
    if (seen.has(inode)) return 0;
    seen.add(inode);
  }
  return status.blocks * 512;
}

async function list(path: string): Promise<Dirent<Buffer>[]> {
  try {
    return await readdir(bytePath(path), { encoding: 'buffer', withFileTypes: true });
  } catch {
    return [];
  }
}
