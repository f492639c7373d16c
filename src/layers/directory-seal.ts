import { lstatSync, readdirSync } from 'node:fs';
import type { Directories } from '../store/directories.js';
import { bytePath } from '../util/bytes.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import { isSameForm } from './same-form.js';
import { Turns } from './turns.js';
import type { Changeset, LayerDirectory } from './types.js';

/*
 * A step reads its lower directories without hashing anything, so damage there would go into its result. The seal of
 * a directory is the latest ctime in it: whoever writes, renames, links, chmods or deletes afterwards leaves a later
 * one, as no program can set a ctime. Looking takes 2 to 3 ms for a thousand files. Bytes that a disk changed by
 * itself are found only when they are read to be copied or packed.
 */

/** Remembers that the folder `name` is as it should be, which was just published, perhaps by another process. */
export async function sealDirectory(directories: Directories, name: string, path: string): Promise<void> {
  if ((await directories.sealOf(name)) !== undefined) return;
  const latest = await latestChange(path);
  if (latest !== undefined) await directories.seal(name, String(latest));
}

/**
 * Whether a published folder is still what it was made to be. One whose times changed, as when a store was copied, is
 * compared with its layer, every file hashed, and sealed again.
 */
export async function isSound(
  directories: Directories,
  name: string,
  {
    directory,
    changeset,
  }: { readonly directory: LayerDirectory; readonly changeset: () => Promise<Changeset> },
): Promise<boolean> {
  const latest = await latestChange(directory.path).catch((error: unknown) => {
    if (errnoCode(error) === undefined) throw error;
    return 'unreadable' as const;
  });
  if (latest === 'unreadable') return false;
  if (latest === undefined || String(latest) === (await directories.sealOf(name))) return true;
  if (!(await holds(directory, await changeset()))) return false;
  await directories.seal(name, String(latest));
  return true;
}

async function holds(directory: LayerDirectory, changeset: Changeset): Promise<boolean> {
  const { readDirectoryForm } = await import('./walk-directory.js');
  try {
    return isSameForm(changeset, (await readDirectoryForm(directory)).changeset);
  } catch (error) {
    // What cannot be read is not what was written.
    if (error instanceof TsbuildError || errnoCode(error) !== undefined) return false;
    throw error;
  }
}

/** The latest ctime of a folder and everything in it, in milliseconds; undefined when it is too deep to be looked at. */
async function latestChange(top: string): Promise<number | undefined> {
  const turns = new Turns();
  let latest = lstatSync(bytePath(top)).ctimeMs;
  const pending = [top];
  try {
    for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
      for (const entry of readdirSync(bytePath(folder), { encoding: 'latin1', withFileTypes: true })) {
        const path = `${folder}/${entry.name}`;
        latest = Math.max(latest, lstatSync(bytePath(path)).ctimeMs);
        if (entry.isDirectory()) pending.push(path);
      }
      await turns.pause();
    }
    return latest;
  } catch (error) {
    if (errnoCode(error) === 'ENAMETOOLONG') return undefined;
    throw error;
  }
}
