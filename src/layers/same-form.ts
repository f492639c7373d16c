import { walkChangeset } from './changeset.js';
import { resolveInnerLinks } from './hard-links.js';
import type { Changeset, ChangesetEntry, Metadata } from './types.js';

/**
 * Whether a directory form that was read (`found`) is one of a changeset. Directories that the changeset does not name
 * may be there, as a path to something needs its parents. Owners do not count: a form made with one id has others.
 */
export function isSameForm(changeset: Changeset, found: Changeset): boolean {
  const wanted = new Map(walkChangeset(resolveInnerLinks(changeset)));
  const there = new Map(walkChangeset(found));
  for (const [path, entry] of wanted) {
    const other = there.get(path);
    if (other === undefined || !isSameEntry(entry, other)) return false;
  }
  return [...there].every(([path, entry]) => entry.kind === 'directory' || wanted.has(path));
}

function isSameEntry(a: ChangesetEntry, b: ChangesetEntry): boolean {
  if (a.kind === 'directory')
    return (
      b.kind === 'directory' && a.opaque === b.opaque && (a.meta === undefined || isSameMeta(a.meta, b.meta))
    );
  if (a.kind === 'file') return b.kind === 'file' && a.digest === b.digest && isSameMeta(a.meta, b.meta);
  if (a.kind === 'symlink') return b.kind === 'symlink' && a.target === b.target;
  if (a.kind === 'device')
    return b.kind === 'device' && a.type === b.type && a.major === b.major && a.minor === b.minor;
  // A link to a file of the tree below is a file in this form; only that tree could tell which, so none is the same.
  return a.kind === 'whiteout' && b.kind === 'whiteout';
}

function isSameMeta(a: Metadata, b: Metadata | undefined): boolean {
  return b !== undefined && a.mode === b.mode && a.mtime === b.mtime && isSameXattrs(a, b);
}

function isSameXattrs(a: Metadata, b: Metadata): boolean {
  const ours = [...(a.xattrs ?? [])];
  return (
    ours.length === (b.xattrs?.size ?? 0) &&
    ours.every(([name, value]) => Buffer.from(value).equals(b.xattrs?.get(name) ?? Buffer.alloc(0)))
  );
}
