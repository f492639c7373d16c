import { asAddition, walkChangeset } from './changeset.js';
import { destinationOf, madeMetadata, type CopyOptions } from './copy.js';
import { diff } from './diff.js';
import { TreeEditor } from './editor.js';
import { ensureDirectory } from './ensure-directory.js';
import { linkError, resolveInnerLinks } from './hard-links.js';
import { GroupRenamer } from './link-groups.js';
import { baseName, joinPath, parentOf } from './path.js';
import { placeLeaf, type Placing } from './place.js';
import { pruneUnchanged } from './prune.js';
import { resolve } from './resolve.js';
import type { Changeset, ChangesetDirectory, Directory, Metadata, Node, Tree } from './types.js';

/** Options of `copyArchive`; --chmod counts for the directories made on the way only. */
export type ArchiveOptions = Pick<CopyOptions, 'destination' | 'workdir' | 'owner' | 'chmod' | 'now'>;

/**
 * What ADD of a local archive changes in `base`: the archive is unpacked into the destination, which is always a
 * directory. Owners are the archive's unless `owner` is given; `user.` xattrs are dropped. As tar does, an entry
 * replaces what stands in its place; only a directory is united with a directory. A directory that the archive
 * leaves out (`meta` undefined) may be a link to a directory and keeps its metadata, as the destination does.
 * Whiteout names are names like any other, so the archive has no whiteouts.
 */
export function copyArchive(base: Tree, archive: Tree | Changeset, options: ArchiveOptions): Changeset {
  const editor = new TreeEditor(base);
  const made = madeMetadata(options);
  const transform = (meta: Metadata): Metadata => unpacked(meta, options);
  const placing: Placing = { groups: new GroupRenamer(), transform };
  // Where each directory of the archive ended up.
  const places = new Map([['', ensureDirectory(editor, destinationOf(options).path, made)]]);
  const entries = 'opaque' in archive ? resolveInnerLinks(archive) : asAddition(archive);
  for (const [path, entry] of walkChangeset(entries)) {
    const at = joinPath(places.get(parentOf(path)) ?? '', baseName(path));
    if (entry.kind === 'whiteout') throw new Error('an archive has no whiteouts');
    if (entry.kind === 'hardlink') throw linkError(path, entry.target, 'is not in the archive');
    if (entry.kind === 'directory') places.set(path, placeFolder({ editor, at, made, transform }, entry));
    else editor.set(at, placeLeaf(entry, placing));
  }
  return pruneUnchanged(base, diff(base, editor.root));
}

interface Folder {
  readonly editor: TreeEditor;
  readonly at: string;
  readonly made: Metadata;
  readonly transform: (meta: Metadata) => Metadata;
}

/** Returns where the directory is. */
function placeFolder({ editor, at, made, transform }: Folder, { meta }: ChangesetDirectory): string {
  const existing = editor.get(at);
  if (meta === undefined) {
    const found = resolve(editor.root, at);
    if (found.node?.kind === 'directory') return found.path;
  }
  const entries: ReadonlyMap<string, Node> = existing?.kind === 'directory' ? existing.entries : new Map();
  const directory: Directory = {
    kind: 'directory',
    meta: meta === undefined ? made : transform(meta),
    entries,
  };
  editor.set(at, directory);
  return at;
}

function unpacked(meta: Metadata, { owner }: ArchiveOptions): Metadata {
  const { uid, gid } = owner ?? meta;
  const xattrs = [...(meta.xattrs ?? [])].filter(([name]) => !name.startsWith('user.'));
  const plain = { mode: meta.mode, uid, gid, mtime: meta.mtime };
  return xattrs.length === 0 ? plain : { ...plain, xattrs: new Map(xattrs) };
}
