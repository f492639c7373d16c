import { mapEntries } from './map-entries.js';
import { walk } from './walk-tree.js';
import type {
  Changeset,
  ChangesetDirectory,
  ChangesetEntry,
  Directory,
  Metadata,
  Whiteout,
} from './types.js';
import { unwind, type Recursion } from './unwind.js';

/** Every entry below the root with its path, in the order of a tar: a directory before its entries, names by byte. */
export function walkChangeset(changeset: Changeset): Iterable<[path: string, entry: ChangesetEntry]> {
  return walk<ChangesetEntry, ChangesetDirectory>(changeset);
}

/** Paths of the directories below the root whose metadata the changeset leaves as it is, parents first. */
export function implicitParents(changeset: Changeset): string[] {
  const paths: string[] = [];
  for (const [path, entry] of walkChangeset(changeset)) {
    if (entry.kind === 'directory' && entry.meta === undefined) paths.push(path);
  }
  return paths;
}

/**
 * What a changeset says of a path (names): its entry; `absent` when the tree below shows through; `hidden` when
 * a whiteout, an opaque directory or something that is no directory lies over it; `behind link` when a symbolic
 * link of the changeset stands where the path has a directory.
 */
export function entryAt(
  changeset: Changeset,
  names: readonly string[],
): Exclude<ChangesetEntry, Whiteout> | 'absent' | 'hidden' | 'behind link' {
  let entry: ChangesetEntry = changeset;
  let opaque = false;
  for (const name of names) {
    if (entry.kind !== 'directory') return entry.kind === 'symlink' ? 'behind link' : 'hidden';
    opaque ||= entry.opaque;
    const child = entry.entries.get(name);
    if (child === undefined) return opaque ? 'hidden' : 'absent';
    entry = child;
  }
  return entry.kind === 'whiteout' ? 'hidden' : entry;
}

/** A whole directory as an addition: all below it is described, nothing is hidden. */
export function asAddition(directory: Directory): ChangesetDirectory {
  return unwind(addition(directory));
}

function* addition(directory: Directory): Recursion<ChangesetDirectory> {
  const entries = new Map<string, ChangesetEntry>();
  for (const [name, node] of directory.entries) {
    entries.set(name, node.kind === 'directory' ? yield addition(node) : node);
  }
  return { kind: 'directory', meta: directory.meta, opaque: false, entries };
}

/** No file time later than `max` (nanoseconds): what SOURCE_DATE_EPOCH asks of new layers. */
export function clampTimes(changeset: Changeset, max: bigint): Changeset {
  return withMetadata(changeset, (meta) => (meta.mtime > max ? { ...meta, mtime: max } : meta));
}

/** Every file with one time (nanoseconds). */
export function setTimes(changeset: Changeset, mtime: bigint): Changeset {
  return withMetadata(changeset, (meta) => (meta.mtime === mtime ? meta : { ...meta, mtime }));
}

function withMetadata(changeset: Changeset, change: (meta: Metadata) => Metadata): Changeset {
  return mapEntries(changeset, {
    leaf: (entry) => {
      if (entry.kind === 'hardlink' || entry.kind === 'whiteout') return entry;
      const meta = change(entry.meta);
      return meta === entry.meta ? entry : { ...entry, meta };
    },
    directory: (entry) => {
      const meta = entry.meta && change(entry.meta);
      return meta === entry.meta ? entry : { ...entry, meta };
    },
  });
}
