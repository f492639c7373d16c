import { chmod, lstat, rename } from 'node:fs/promises';
import { quoted } from '../layers/path.js';
import type { Changeset, ChangesetDirectory } from '../layers/types.js';
import { applyAttributes, type AttributeChange } from '../sys/attributes.js';
import { bytePath } from '../util/bytes.js';
import { errnoCode, TsbuildError } from '../util/errors.js';

/** What stands at a path, symbolic links not followed. */
type Present = 'nothing' | 'folder' | 'link' | 'other';

/**
 * Throws `build` when something of the tree cannot be put into the folder `dest`: a folder where a file or link is, or
 * the other way round. Paths are byte strings.
 */
export async function checkConflicts(dest: string, changeset: Changeset): Promise<void> {
  const pending: [path: string, directory: ChangesetDirectory][] = [[dest, changeset]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [base, directory] = next;
    for (const [name, entry] of directory.entries) {
      const path = `${base}/${name}`;
      const present = await presentAt(path);
      if (present === 'nothing') continue;
      if (entry.kind !== 'directory') {
        if (present === 'folder')
          throw conflict(path, 'it is a folder, and the image has something else there');
      } else if (present === 'folder') pending.push([path, entry]);
      else
        throw conflict(
          path,
          `it is a ${present === 'link' ? 'symbolic link' : 'file'}, and the image has a folder there`,
        );
    }
  }
}

function conflict(path: string, problem: string): TsbuildError {
  return new TsbuildError('build', `cannot replace ${quoted(path)}: ${problem}`, {
    hint: 'remove it or choose an empty folder as dest',
  });
}

async function presentAt(path: string): Promise<Present> {
  try {
    const status = await lstat(bytePath(path));
    return status.isDirectory() ? 'folder' : status.isSymbolicLink() ? 'link' : 'other';
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return 'nothing';
    throw error;
  }
}

/**
 * Moves everything in `from`, which is the tree of `changeset`, into `to` on the same file system. A folder that is there
 * already stays, is gone into and gets the tree's attributes; anything else is replaced. Paths are byte strings.
 */
export async function mergeFolder(from: string, to: string, changeset: Changeset): Promise<void> {
  const joined: AttributeChange[] = [];
  const pending: [path: string, directory: ChangesetDirectory][] = [['', changeset]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [base, directory] = next;
    for (const [name, entry] of directory.entries) {
      const path = `${base}/${name}`;
      const isFolder = entry.kind === 'directory';
      if (!isFolder || (await presentAt(to + path)) !== 'folder')
        await move(from + path, to + path, isFolder);
      else {
        await unlock(from + path);
        await unlock(to + path);
        pending.push([path, entry]);
        if (entry.meta !== undefined) joined.push({ ...entry.meta, path: to + path });
      }
    }
  }
  // The deepest first: moving something into a folder changes its time.
  await applyAttributes(joined.reverse());
}

/** Lets the owner change a folder, for as long as files are moved into it or out of it. */
async function unlock(path: string): Promise<void> {
  const { mode } = await lstat(bytePath(path));
  if ((mode & 0o700) !== 0o700) await chmod(bytePath(path), mode | 0o700);
}

/** Nothing to move is no failure: not every user can make every file. */
async function move(from: string, to: string, isFolder: boolean): Promise<void> {
  try {
    await rename(bytePath(from), bytePath(to));
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return;
    if (errnoCode(error) !== 'EACCES' || !isFolder) throw error;
    // A folder that its owner may not write to cannot get another parent.
    const { mode } = await lstat(bytePath(from));
    await unlock(from);
    await rename(bytePath(from), bytePath(to));
    await chmod(bytePath(to), mode);
  }
}
