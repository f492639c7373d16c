import { TsbuildError } from '../util/errors.js';
import { TreeEditor } from './editor.js';
import { linkError, resolveInnerLinks } from './hard-links.js';
import { GroupRenamer, inGroup, walkLinks } from './link-groups.js';
import { implicitMetadata } from './metadata.js';
import { resolve, type Resolved } from './resolve.js';
import { lookup } from './tree.js';
import type { Changeset, ChangesetDirectory, Directory, HardLink, LinkGroup, Node, Tree } from './types.js';
import { unwind, type Recursion } from './unwind.js';

/**
 * The tree that a layer makes of the tree below it (image-spec layer.md, "Applying Changesets"). A name of the
 * changeset replaces what the tree has there; only a directory over a directory is united with it. Symbolic
 * links are never followed. Everything the changeset does not touch is shared with `tree`.
 * Throws `image` when a hard link has no file to link to.
 */
export function apply(tree: Tree, changeset: Changeset): Tree {
  const change = resolveInnerLinks(changeset);
  const merged = unwind(merge(tree, change, new GroupRenamer()));
  return linkToBelow(tree, merged, change);
}

function* merge(
  base: Directory | undefined,
  change: ChangesetDirectory,
  groups: GroupRenamer,
): Recursion<Directory> {
  const lower: ReadonlyMap<string, Node> = (change.opaque ? undefined : base?.entries) ?? new Map();
  let entries: Map<string, Node> | undefined;
  const open = (): Map<string, Node> => (entries ??= new Map(lower));
  for (const [name, entry] of change.entries) {
    const below = lower.get(name);
    // A hard link to the tree below is put in its place when everything else stands.
    if (entry.kind === 'whiteout' || entry.kind === 'hardlink') {
      if (below !== undefined) open().delete(name);
      continue;
    }
    const node: Node =
      entry.kind === 'directory'
        ? yield merge(below?.kind === 'directory' ? below : undefined, entry, groups)
        : groups.rename(entry);
    if (node !== below) open().set(name, node);
  }
  const meta = change.meta ?? base?.meta ?? implicitMetadata;
  if (base !== undefined && meta === base.meta && entries === undefined && lower === base.entries)
    return base;
  return { kind: 'directory', meta, entries: entries ?? lower };
}

function linkToBelow(base: Tree, merged: Tree, change: Changeset): Tree {
  const links: [string, HardLink][] = [];
  for (const [path, entry] of walkLinks(change)) if (entry.kind === 'hardlink') links.push([path, entry]);
  if (links.length === 0) return merged;
  const editor = new TreeEditor(merged);
  // A path may be asked for as it was below and as it is now.
  const groups = new Map<string, LinkGroup>();
  const placed: [string, Node][] = links.map(([path, link]) => {
    const target = targetOf(path, link, link.below === true ? base : merged);
    if (target.node.kind !== 'file') return [path, target.node];
    // The target joins the group only where it is still the file that is linked to.
    const stays = lookup(merged, target.path) === target.node;
    const key = stays ? target.path : `replaced ${target.path}`;
    const group = groups.get(key) ?? target.node.links ?? {};
    groups.set(key, group);
    const file = inGroup(target.node, group);
    if (stays) editor.set(target.path, file);
    return [path, file];
  });
  for (const [path, node] of placed) editor.set(path, node);
  return editor.root;
}

function targetOf(
  path: string,
  link: HardLink,
  tree: Tree,
): { readonly path: string; readonly node: Exclude<Node, Directory> } {
  const exact = lookup(tree, link.target);
  const found = exact === undefined ? behindLinks(path, link, tree) : { path: link.target, node: exact };
  if (found.node === undefined) throw linkError(path, link.target, 'does not exist');
  if (found.node.kind === 'directory') throw linkError(path, link.target, 'is a directory');
  return { path: found.path, node: found.node };
}

/** The target where directories on the way to it are symbolic links. */
function behindLinks(path: string, { target }: HardLink, tree: Tree): Pick<Resolved, 'path' | 'node'> {
  try {
    return resolve(tree, target, { followLast: false });
  } catch (error) {
    if (error instanceof TsbuildError) throw linkError(path, target, 'is behind a loop of symbolic links');
    throw error;
  }
}
