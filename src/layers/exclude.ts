import { joinPath } from './path.js';
import type { Directory, Node } from './types.js';
import { unwind, type Recursion } from './unwind.js';

/**
 * The directory without the paths (relative to it) that are excluded. A directory that is excluded stays as the
 * parent of what an exception of the patterns keeps below it.
 */
export function exclude(directory: Directory, excluded: (path: string) => boolean): Directory {
  return unwind(keep(directory, '', excluded));
}

function* keep(
  directory: Directory,
  path: string,
  excluded: (path: string) => boolean,
): Recursion<Directory> {
  let entries: Map<string, Node> | undefined;
  for (const [name, node] of directory.entries) {
    const at = joinPath(path, name);
    const rest = node.kind === 'directory' ? yield keep(node, at, excluded) : node;
    const gone = excluded(at) && (rest.kind !== 'directory' || rest.entries.size === 0);
    if (!gone && rest === node) continue;
    entries ??= new Map(directory.entries);
    if (gone) entries.delete(name);
    else entries.set(name, rest);
  }
  return entries === undefined ? directory : { ...directory, entries };
}
