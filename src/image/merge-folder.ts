import type { Dirent } from 'node:fs';
import { lstat, readdir, rename } from 'node:fs/promises';
import { quoted } from '../layers/path.js';
import type { Changeset, ChangesetDirectory } from '../layers/types.js';
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
 * Moves everything in `from` into `to`, on the same file system. A folder that is there already stays and is gone
 * into; anything else is replaced. Paths are byte strings.
 */
export async function mergeFolder(from: string, to: string): Promise<void> {
  const pending: [from: string, to: string][] = [[from, to]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [source, target] = next;
    for (const entry of await list(source)) {
      const name = entry.name.toString('latin1');
      const [path, place] = [`${source}/${name}`, `${target}/${name}`];
      if (entry.isDirectory() && (await presentAt(place)) === 'folder') pending.push([path, place]);
      else await rename(bytePath(path), bytePath(place));
    }
  }
}

function list(path: string): Promise<Dirent<Buffer>[]> {
  return readdir(bytePath(path), { encoding: 'buffer', withFileTypes: true });
}
