import { implicitMetadata, sameMetadata } from './metadata.js';
import { namesOf } from './path.js';
import type { Changeset, Metadata, Node, Tree } from './types.js';
import { walkTree } from './walk-tree.js';

/** A root without entries: what `FROM scratch` starts from. */
export function emptyTree(meta: Metadata = implicitMetadata): Tree {
  return { kind: 'directory', meta, entries: new Map() };
}

/** The changeset that changes nothing. */
export const emptyChangeset: Changeset = {
  kind: 'directory',
  meta: undefined,
  opaque: false,
  entries: new Map(),
};

export function isEmptyChangeset(changeset: Changeset): boolean {
  return changeset.meta === undefined && !changeset.opaque && changeset.entries.size === 0;
}

/** The node at a path; symbolic links are not followed, `..` is no name. */
export function lookup(tree: Tree, path: string): Node | undefined {
  let node: Node | undefined = tree;
  for (const name of namesOf(path)) {
    if (node?.kind !== 'directory') return undefined;
    node = node.entries.get(name);
  }
  return node;
}

/** Equal in everything, mtime included, but for hard-link groups. Two directories are compared without entries. */
export function sameNode(a: Node, b: Node): boolean {
  if (a === b) return true;
  if (!sameMetadata(a.meta, b.meta)) return false;
  switch (a.kind) {
    case 'directory':
      return b.kind === 'directory';
    case 'file':
      return b.kind === 'file' && a.size === b.size && a.digest === b.digest;
    case 'symlink':
      return b.kind === 'symlink' && a.target === b.target;
    case 'device':
      return b.kind === 'device' && a.type === b.type && a.major === b.major && a.minor === b.minor;
  }
}

/** How many nodes of each kind are below the root, and the bytes of its files (hard links count each time). */
export function treeStats(tree: Tree): {
  readonly entries: number;
  readonly files: number;
  readonly bytes: number;
} {
  let [entries, files, bytes] = [0, 0, 0];
  for (const [, node] of walkTree(tree)) {
    entries++;
    if (node.kind !== 'file') continue;
    files++;
    bytes += node.size;
  }
  return { entries, files, bytes };
}
