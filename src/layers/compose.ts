import { entryAt } from './changeset.js';
import { ChangesetEditor } from './editor.js';
import { linkError, resolveInnerLinks } from './hard-links.js';
import { GroupRenamer, hasLinks, inGroup, walkLinks } from './link-groups.js';
import { mapEntries } from './map-entries.js';
import { implicitMetadata } from './metadata.js';
import { namesOf } from './path.js';
import type { Changeset, ChangesetDirectory, ChangesetEntry, HardLink, LinkGroup } from './types.js';
import { unwind, type Recursion } from './unwind.js';

/**
 * One changeset that does what `lower` and then `upper` do: `apply(apply(t, lower), upper)` equals
 * `apply(t, compose(lower, upper))`. Throws `image` where `upper` links to something that `lower` removed.
 */
export function compose(lower: Changeset, upper: Changeset): Changeset {
  const first = resolveInnerLinks(lower);
  const second = withOwnGroups(resolveInnerLinks(upper));
  return settleLinks(first, second, unwind(overlay(first, second)));
}

function withOwnGroups(changeset: Changeset): Changeset {
  const groups = new GroupRenamer();
  return hasLinks(changeset) ? mapEntries(changeset, { leaf: (entry) => groups.rename(entry) }) : changeset;
}

function* overlay(lower: ChangesetDirectory, upper: ChangesetDirectory): Recursion<ChangesetDirectory> {
  const meta = upper.meta ?? lower.meta;
  if (upper.opaque) return meta === upper.meta ? upper : { ...upper, meta };
  const entries = new Map(lower.entries);
  for (const [name, entry] of upper.entries) {
    const below = lower.entries.get(name);
    if (entry.kind === 'whiteout' && lower.opaque) entries.delete(name);
    else if (entry.kind !== 'directory' || below === undefined) entries.set(name, entry);
    else if (below.kind === 'directory') entries.set(name, yield overlay(below, entry));
    // A new directory in the place of something that hid the tree below: it goes on hiding it.
    else entries.set(name, { ...entry, meta: entry.meta ?? implicitMetadata, opaque: true });
  }
  return { kind: 'directory', meta, opaque: lower.opaque, entries };
}

/** Gives the hard links that are left their targets in the composed changeset. */
function settleLinks(lower: Changeset, upper: Changeset, composed: Changeset): Changeset {
  const editor = new ChangesetEditor(composed);
  const groups = new Map<string, LinkGroup>();
  for (const [path, link] of walkLinks(upper)) {
    if (link.kind !== 'hardlink') continue;
    const found = foundBelow(path, link, lower);
    if (found === undefined) continue;
    if (found.kind !== 'file') {
      editor.set(path, found);
      continue;
    }
    const group = groups.get(link.target) ?? found.links ?? {};
    groups.set(link.target, group);
    const file = inGroup(found, group);
    editor.set(path, file);
    if (entryAt(composed, namesOf(link.target)) === found) editor.set(link.target, file);
  }
  for (const [path, entry] of walkLinks(editor.root)) {
    if (entry.kind !== 'hardlink') continue;
    const below = entryAt(composed, namesOf(entry.target)) !== 'absent';
    if (below !== (entry.below ?? false)) editor.set(path, { kind: 'hardlink', target: entry.target, below });
  }
  return editor.root;
}

/** What a link of the upper changeset leads to in the lower one; undefined when that is in the tree below both. */
function foundBelow(
  path: string,
  { target }: HardLink,
  lower: Changeset,
): Exclude<ChangesetEntry, ChangesetDirectory> | undefined {
  const found = entryAt(lower, namesOf(target));
  if (found === 'absent' || found === 'behind link') return undefined;
  if (found === 'hidden') throw linkError(path, target, 'does not exist');
  if (found.kind === 'directory') throw linkError(path, target, 'is a directory');
  return found;
}
