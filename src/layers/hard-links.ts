import { TsbuildError } from '../util/errors.js';
import { entryAt } from './changeset.js';
import { ChangesetEditor } from './editor.js';
import { inGroup, walkLinks } from './link-groups.js';
import { cleanPath, namesOf, quotedPath } from './path.js';
import type { Changeset, Device, File, HardLink, LinkGroup, Symlink } from './types.js';

/** What a hard link leads to: something of the changeset at a path, or a name of the tree below. */
type End = { readonly path: string; readonly node: File | Symlink | Device } | HardLink;

/**
 * The same changeset with links inside of it resolved: files that are one carry one group, and the hard links
 * that remain name files of the tree below. Order, and links to links, do not matter.
 * Throws `image` for a link to a directory, to something the changeset removes, or in a circle.
 */
export function resolveInnerLinks(changeset: Changeset): Changeset {
  const links = new Map<string, HardLink>();
  for (const [path, entry] of walkLinks(changeset)) if (entry.kind === 'hardlink') links.set(path, entry);
  if (links.size === 0) return changeset;
  const ends = new Map<string, End>();
  const editor = new ChangesetEditor(changeset);
  const groups = new Map<string, LinkGroup>();
  for (const path of links.keys()) {
    const end = endOf(path, { changeset, links, ends });
    if ('kind' in end) editor.set(path, end);
    else if (end.node.kind !== 'file') editor.set(path, end.node);
    else {
      const group = groups.get(end.path) ?? end.node.links ?? {};
      groups.set(end.path, group);
      editor.set(end.path, inGroup(end.node, group));
      editor.set(path, inGroup(end.node, group));
    }
  }
  return editor.root;
}

interface Search {
  readonly changeset: Changeset;
  readonly links: ReadonlyMap<string, HardLink>;
  readonly ends: Map<string, End>;
}

function endOf(path: string, search: Search): End {
  const passed = new Set<string>();
  let at = path;
  let end = search.ends.get(at);
  while (end === undefined) {
    const link = search.links.get(at);
    if (link === undefined) {
      end = targetAt(path, at, search.changeset);
    } else {
      if (passed.has(at)) throw linkError(path, link.target, 'leads back to itself');
      passed.add(at);
      if (link.below === true) end = link;
      else {
        at = cleanPath(link.target);
        end = search.ends.get(at);
      }
    }
  }
  for (const name of passed) search.ends.set(name, end);
  return end;
}

function targetAt(path: string, target: string, changeset: Changeset): End {
  const entry = entryAt(changeset, namesOf(target));
  // `apply` looks behind symbolic links when it has the whole tree.
  if (entry === 'absent' || entry === 'behind link') return { kind: 'hardlink', target };
  if (entry === 'hidden') throw linkError(path, target, 'does not exist');
  if (entry.kind === 'directory') throw linkError(path, target, 'is a directory');
  if (entry.kind === 'hardlink') throw new Error('unresolved hard link');
  return { path: target, node: entry };
}

/** A hard link that cannot be: `what` says what is wrong with its target. */
export function linkError(path: string, target: string, what: string): TsbuildError {
  return new TsbuildError(
    'image',
    `the target ${quotedPath(target)} of the hard link ${quotedPath(path)} ${what}`,
  );
}
