import { walk } from './walk-tree.js';
import type { ChangesetDirectory, ChangesetEntry, Directory, File, LinkGroup, Node } from './types.js';
import { unwind, type Recursion } from './unwind.js';

type AnyDirectory = Directory | ChangesetDirectory;
type AnyEntry = Node | ChangesetEntry;

const known = new WeakMap<AnyDirectory, boolean>();

/** Whether anything below belongs to a hard-link group or is a hard link. Remembered for each directory. */
export function hasLinks(directory: AnyDirectory): boolean {
  return unwind(linked(directory));
}

function* linked(directory: AnyDirectory): Recursion<boolean> {
  const before = known.get(directory);
  if (before !== undefined) return before;
  let found = false;
  for (const entry of directory.entries.values()) {
    if (entry.kind === 'directory' ? yield linked(entry) : isLinked(entry)) {
      found = true;
      break;
    }
  }
  known.set(directory, found);
  return found;
}

function isLinked(entry: AnyEntry): boolean {
  return entry.kind === 'hardlink' || (entry.kind === 'file' && entry.links !== undefined);
}

/** Entries with links, with their paths, in order; parts without links are not visited. */
export function* walkLinks(top: AnyDirectory): Generator<[path: string, entry: AnyEntry]> {
  if (!hasLinks(top)) return;
  for (const item of walk<AnyEntry, AnyDirectory>(top, hasLinks)) if (isLinked(item[1])) yield item;
}

/** The names of each hard-link group in order, groups by their first name. A group of one name is left out. */
export function linkGroups(top: AnyDirectory): Map<LinkGroup, string[]> {
  const groups = new Map<LinkGroup, string[]>();
  for (const [path, entry] of walkLinks(top)) {
    if (entry.kind !== 'file' || entry.links === undefined) continue;
    const names = groups.get(entry.links);
    if (names === undefined) groups.set(entry.links, [path]);
    else names.push(path);
  }
  for (const [group, names] of groups) if (names.length < 2) groups.delete(group);
  return groups;
}

/**
 * Gives files groups of their own: one new group for each old one. Whoever puts the files of one value into
 * another renames their groups, so that a second copy is not taken for a link to the first.
 */
export class GroupRenamer {
  readonly #fresh = new Map<LinkGroup, LinkGroup>();

  of(group: LinkGroup): LinkGroup {
    const fresh = this.#fresh.get(group) ?? {};
    this.#fresh.set(group, fresh);
    return fresh;
  }

  rename<E extends AnyEntry>(entry: E): E | File {
    if (entry.kind !== 'file' || entry.links === undefined) return entry;
    return inGroup(entry, this.of(entry.links));
  }
}

/** The file as a member of a group. */
export function inGroup(file: File, links: LinkGroup): File {
  if (file.links === links) return file;
  return { kind: 'file', meta: file.meta, size: file.size, digest: file.digest, links };
}
