import { TsbuildError } from '../util/errors.js';
import { describe } from './ensure-directory.js';
import { inGroup, type GroupRenamer } from './link-groups.js';
import { joinPath, quotedPath } from './path.js';
import type { Directory, Metadata, Node } from './types.js';
import { unwind, type Recursion } from './unwind.js';

/** How nodes change on their way from a source into a tree. */
export interface Placing {
  readonly groups: GroupRenamer;
  /** Gives the same object back where nothing changes. */
  readonly transform: (meta: Metadata, kind: Node['kind']) => Metadata;
}

/** A source directory and what it is copied over. */
export interface Place {
  readonly existing: Node | undefined;
  readonly source: Directory;
  /** Of `existing`, for messages. */
  readonly path: string;
}

/**
 * The existing directory united with the contents of a source: directories below are united in turn and take the
 * source's metadata, anything else of the source replaces what is there. Throws `copy` for a directory over something else
 * and for anything else over a directory.
 */
export function placeDirectory(place: Place, placing: Placing): Directory {
  return unwind(united(place, placing));
}

function* united({ existing, source, path }: Place, placing: Placing): Recursion<Directory> {
  if (existing !== undefined && existing.kind !== 'directory') throw directoryOver(path, existing);
  const entries = new Map(existing?.entries);
  let changed = existing !== undefined;
  for (const [name, node] of source.entries) {
    const old = existing?.entries.get(name);
    const at = joinPath(path, name);
    if (node.kind !== 'directory' && old?.kind === 'directory') throw overDirectory(at);
    const placed: Node =
      node.kind === 'directory'
        ? yield united({ existing: old, source: node, path: at }, placing)
        : placeLeaf(node, placing);
    entries.set(name, placed);
    changed ||= placed !== node;
  }
  const meta = placing.transform(source.meta, 'directory');
  return changed || meta !== source.meta ? { kind: 'directory', meta, entries } : source;
}

/** A node that is no directory as it arrives. */
export function placeLeaf(
  node: Exclude<Node, Directory>,
  { groups, transform }: Placing,
): Exclude<Node, Directory> {
  const meta = transform(node.meta, node.kind);
  if (node.kind === 'file') {
    if (meta === node.meta && node.links === undefined) return node;
    const file = { kind: node.kind, meta, size: node.size, digest: node.digest };
    return node.links === undefined ? file : inGroup(file, groups.of(node.links));
  }
  return meta === node.meta ? node : { ...node, meta };
}

/** A file would take the place of a directory. */
export function overDirectory(path: string): TsbuildError {
  return new TsbuildError('copy', `cannot replace the directory ${quotedPath(path)} with a file`);
}

function directoryOver(path: string, existing: Node): TsbuildError {
  return new TsbuildError(
    'copy',
    `cannot copy a directory to ${quotedPath(path)}, which is ${describe(existing)}`,
    { hint: existing.kind === 'symlink' ? 'copy to the directory that the link leads to' : undefined },
  );
}
