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

/** Owners that could not be had where a changeset came to be: everything of theirs belongs to root there. */
export interface LostOwners {
  readonly hasUser: (id: number) => boolean;
  readonly hasGroup: (id: number) => boolean;
  /** Who made what is new. */
  readonly maker: { readonly uid: number; readonly gid: number };
}

/**
 * Gives the entries of a changeset the owners that they would have if all ids existed where it was made: what `base`
 * has at the same path keeps its owner, anything else is the maker's, or the group's of a setgid directory.
 */
export function restoreOwners(base: Tree, changeset: Changeset, lost: LostOwners): Changeset {
  const restorer = { lost, groups: new Map<LinkGroup, Metadata>() };
  return unwind(restored(restorer, changeset, { old: base, parent: undefined }));
}

interface Restorer {
  readonly lost: LostOwners;
  /** Names of one file have one owner. */
  readonly groups: Map<LinkGroup, Metadata>;
}

interface Place {
  /** What the tree below has there. */
  readonly old: Node | undefined;
  /** The directory that it lies in, with its owner. */
  readonly parent: Metadata | undefined;
}

function* restored(
  restorer: Restorer,
  directory: ChangesetDirectory,
  place: Place,
): Recursion<ChangesetDirectory> {
  const meta = directory.meta && restoredMeta(restorer.lost, directory.meta, place);
  const below: Directory | undefined = place.old?.kind === 'directory' ? place.old : undefined;
  const entries = new Map<string, ChangesetEntry>();
  for (const [name, entry] of directory.entries) {
    const old = below?.entries.get(name);
    const at = { old: old?.kind === entry.kind ? old : undefined, parent: meta ?? below?.meta };
    entries.set(
      name,
      entry.kind === 'directory' ? yield restored(restorer, entry, at) : leaf(restorer, entry, at),
    );
  }
  return { ...directory, meta, entries };
}

function leaf(
  { lost, groups }: Restorer,
  entry: Exclude<ChangesetEntry, ChangesetDirectory>,
  place: Place,
): Exclude<ChangesetEntry, ChangesetDirectory> {
  if (entry.kind === 'hardlink' || entry.kind === 'whiteout') return entry;
  const group = entry.kind === 'file' ? entry.links : undefined;
  const meta = (group && groups.get(group)) ?? restoredMeta(lost, entry.meta, place);
  if (group !== undefined) groups.set(group, meta);
  return meta === entry.meta ? entry : { ...entry, meta };
}

const setgid = 0o2000;

function restoredMeta({ hasUser, hasGroup, maker }: LostOwners, meta: Metadata, place: Place): Metadata {
  const { old, parent } = place;
  const inherited = parent !== undefined && (parent.mode & setgid) !== 0 ? parent.gid : maker.gid;
  const [uid, gid] = [old?.meta.uid ?? maker.uid, old?.meta.gid ?? inherited];
  const changed = {
    ...(meta.uid === 0 && !hasUser(uid) && { uid }),
    ...(meta.gid === 0 && !hasGroup(gid) && { gid }),
  };
  return Object.keys(changed).length === 0 ? meta : { ...meta, ...changed };
}
