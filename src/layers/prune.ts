import { entryAt } from './changeset.js';
import { linkGroups, walkLinks } from './link-groups.js';
import { implicitMetadata, sameButTime, sameMetadata } from './metadata.js';
import { cleanPath, joinPath, namesOf } from './path.js';
import { emptyChangeset, lookup, sameNode } from './tree.js';
import type {
  Changeset,
  ChangesetDirectory,
  ChangesetEntry,
  Directory,
  LinkGroup,
  Metadata,
  Node,
  Tree,
} from './types.js';
import { unwind, type Recursion } from './unwind.js';

/**
 * What an image layer records of a changeset that was read from an overlay upper directory: no directory whose
 * mode, owner and xattrs are those of `base` (its mtime does not count) unless something below changed, no other
 * entry equal to `base` in everything, no whiteout of a name that `base` lacks, and explicit whiteouts in place
 * of opaque directories. Hard-linked files go only when their whole group is unchanged.
 */
export function pruneUnchangedDirectories(base: Tree, changeset: Changeset): Changeset {
  return pruned(base, changeset, sameButTime);
}

/**
 * The same for what COPY and ADD would make: a directory that something below changed in keeps its mtime, because
 * they set it on purpose.
 */
export function pruneUnchanged(base: Tree, changeset: Changeset): Changeset {
  return pruned(base, changeset, sameMetadata);
}

function pruned(base: Tree, changeset: Changeset, same: Pruning['same']): Changeset {
  const kept = keptForLinks(base, changeset);
  return unwind(prune({ base, entry: changeset, path: '', hiding: false, kept, same })) ?? emptyChangeset;
}

interface Pruning {
  /** What the tree below has at `path`, whether or not the changeset hides it. */
  readonly base: Node | undefined;
  readonly entry: ChangesetDirectory;
  readonly path: string;
  /** A directory above is opaque. */
  readonly hiding: boolean;
  /** Paths of files that stay because of their links. */
  readonly kept: ReadonlySet<string>;
  /** Whether a directory is as it was. */
  readonly same: (a: Metadata, b: Metadata) => boolean;
}

function* prune({
  base,
  entry,
  path,
  hiding,
  kept,
  same,
}: Pruning): Recursion<ChangesetDirectory | undefined> {
  const below = base?.kind === 'directory' ? base : undefined;
  const opaque = hiding || entry.opaque;
  const entries = new Map<string, ChangesetEntry>(
    opaque && below !== undefined ? whiteouts(below, entry) : [],
  );
  for (const [name, child] of entry.entries) {
    const old = below?.entries.get(name);
    if (child.kind === 'directory') {
      const at = { base: old, entry: child, path: joinPath(path, name), hiding: opaque, kept, same };
      const rest = yield prune(at);
      if (rest !== undefined) entries.set(name, rest);
    } else if (isChange(old, child) || kept.has(joinPath(path, name))) entries.set(name, child);
  }
  const own = entry.meta ?? (hiding ? implicitMetadata : undefined);
  const meta = below !== undefined && own && same(own, below.meta) ? undefined : own;
  const unchanged = below !== undefined && (meta === undefined || sameButTime(meta, below.meta));
  if (unchanged && entries.size === 0) return undefined;
  return { kind: 'directory', meta, opaque: false, entries };
}

function* whiteouts(below: Directory, entry: ChangesetDirectory): Generator<[string, ChangesetEntry]> {
  for (const name of below.entries.keys()) if (!entry.entries.has(name)) yield [name, { kind: 'whiteout' }];
}

function isChange(old: Node | undefined, entry: Exclude<ChangesetEntry, ChangesetDirectory>): boolean {
  if (entry.kind === 'hardlink') return true;
  return entry.kind === 'whiteout' ? old !== undefined : old === undefined || !sameNode(old, entry);
}

/** Targets of hard links, and the names of groups of which a name changed or was no link before. */
function keptForLinks(base: Tree, changeset: Changeset): Set<string> {
  const kept = new Set<string>();
  for (const [, entry] of walkLinks(changeset))
    if (entry.kind === 'hardlink') kept.add(cleanPath(entry.target));
  for (const names of linkGroups(changeset).values()) {
    const groups = new Set(names.map((name) => unchangedGroup(base, changeset, name)));
    if (groups.size > 1 || groups.has(undefined)) for (const name of names) kept.add(name);
  }
  return kept;
}

/** The group that a file has in `base` when the changeset brings the same file again. */
function unchangedGroup(base: Tree, changeset: Changeset, path: string): LinkGroup | undefined {
  const old = lookup(base, path);
  const entry = entryAt(changeset, namesOf(path));
  if (old?.kind !== 'file' || typeof entry === 'string' || entry.kind !== 'file') return undefined;
  return sameNode(old, entry) ? old.links : undefined;
}
