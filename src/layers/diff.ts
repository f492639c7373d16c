import { asAddition, entryAt } from './changeset.js';
import { ChangesetEditor } from './editor.js';
import { hasLinks, linkGroups } from './link-groups.js';
import { sameMetadata } from './metadata.js';
import { namesOf } from './path.js';
import { emptyChangeset, lookup, sameNode } from './tree.js';
import type { Changeset, ChangesetDirectory, ChangesetEntry, Directory, LinkGroup, Tree } from './types.js';
import { unwind, type Recursion } from './unwind.js';

/**
 * The changeset that makes `after` of `before`. Directories whose own metadata (mtime included) did not change
 * carry none; nothing is opaque: what is gone is whited out name by name. A hard-link group with a changed name is
 * carried with all its names, because a layer cannot link to a file below it. Shared parts are not visited.
 */
export function diff(before: Tree, after: Tree): Changeset {
  const changes = unwind(compare(before, after));
  return regroup(before, after, changes ?? emptyChangeset);
}

function* compare(before: Directory, after: Directory): Recursion<ChangesetDirectory | undefined> {
  if (before === after) return undefined;
  const entries = new Map<string, ChangesetEntry>();
  for (const name of before.entries.keys()) {
    if (!after.entries.has(name)) entries.set(name, { kind: 'whiteout' });
  }
  for (const [name, node] of after.entries) {
    const old = before.entries.get(name);
    if (old === node) continue;
    if (node.kind !== 'directory') {
      if (old === undefined || !sameNode(old, node)) entries.set(name, node);
    } else if (old?.kind !== 'directory') entries.set(name, asAddition(node));
    else {
      const change = yield compare(old, node);
      if (change !== undefined) entries.set(name, change);
    }
  }
  const meta = sameMetadata(before.meta, after.meta) ? undefined : after.meta;
  if (meta === undefined && entries.size === 0) return undefined;
  return { kind: 'directory', meta, opaque: false, entries };
}

/** Adds the names whose content did not change but whose hard links did. */
function regroup(before: Tree, after: Tree, changes: Changeset): Changeset {
  if (before === after || (!hasLinks(before) && !hasLinks(after))) return changes;
  const old = groupOfEachName(before);
  const now = linkGroups(after);
  const grouped = new Set([...now.values()].flat());
  const alone = [...old.keys()].filter((name) => !grouped.has(name)).map((name) => [name]);
  const editor = new ChangesetEditor(changes);
  // A group of the tree below that goes on as one group of the new tree; a second claim needs a file of its own.
  const claimed = new Set<LinkGroup>();
  for (const names of [...now.values(), ...alone]) {
    const [group, ...others] = new Set(
      names.map((name) => (isCarried(editor.root, name) ? undefined : old.get(name))),
    );
    const goesOn = group !== undefined && others.length === 0 && !claimed.has(group);
    if (goesOn) claimed.add(group);
    else for (const name of names) carry(editor, after, name);
  }
  return editor.root;
}

function groupOfEachName(tree: Tree): Map<string, LinkGroup> {
  const groups = new Map<string, LinkGroup>();
  for (const [group, names] of linkGroups(tree)) for (const name of names) groups.set(name, group);
  return groups;
}

function isCarried(changes: Changeset, path: string): boolean {
  return entryAt(changes, namesOf(path)) !== 'absent';
}

/** Puts the file at `path` into the changeset, below directories without metadata. */
function carry(editor: ChangesetEditor, after: Tree, path: string): void {
  if (isCarried(editor.root, path)) return;
  const node = lookup(after, path);
  if (node?.kind !== 'file') return;
  const names = namesOf(path);
  for (let depth = 1; depth < names.length; depth++) {
    const parent = names.slice(0, depth);
    if (entryAt(editor.root, parent) === 'absent') editor.set(parent.join('/'), emptyChangeset);
  }
  editor.set(path, node);
}
