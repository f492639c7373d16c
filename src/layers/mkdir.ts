import { diff } from './diff.js';
import { TreeEditor } from './editor.js';
import { ensureDirectory } from './ensure-directory.js';
import { cleanPath } from './path.js';
import type { Changeset, Tree } from './types.js';

export interface MakeDirectoryOptions {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970: the mtime of the new directories. */
  readonly now: bigint;
}

/**
 * What WORKDIR does: makes the directory and all levels that are missing. `.` and `..` in the path are taken
 * lexically, symbolic links of the tree are followed inside it. Nothing to do gives the empty changeset.
 * Throws `copy` when something that is no directory is in the way.
 */
export function makeDirectory(base: Tree, path: string, options: MakeDirectoryOptions): Changeset {
  const editor = new TreeEditor(base);
  const { mode, uid, gid, now } = options;
  ensureDirectory(editor, cleanPath(path), { mode, uid, gid, mtime: now });
  return diff(base, editor.root);
}
