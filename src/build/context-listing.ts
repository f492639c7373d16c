import { byName, joinPath } from '../layers/path.js';
import type { ScannedContext } from '../layers/scan-context.js';
import type { Directory, Node } from '../layers/types.js';
import type { IgnoreMatcher } from '../parser/ignore.js';
import { fromByteString } from '../util/bytes.js';

/** Something that enters a build, with everything below it. */
export interface ContextItem {
  /** Text, relative to the context. */
  readonly path: string;
  readonly kind: Node['kind'];
  /** Regular files; a file with several names counts once. */
  readonly files: number;
  /** Bytes. */
  readonly size: number;
  /** Those in a folder, the largest first; of equal ones in the order of their names. */
  readonly items: readonly ContextItem[];
}

/** Something that a rule of an ignore file keeps out, with everything below it. */
export interface ContextExclusion {
  readonly path: string;
  readonly pattern: string;
  /** In the ignore file, from 1. */
  readonly line: number | undefined;
}

/** A context as a tree of sizes. Contents are not read. */
export function listContext({ tree }: Pick<ScannedContext, 'tree'>): ContextItem {
  return itemOf('', tree, new Set());
}

/** What is left out of a context, by which rule; in the order of paths. */
export function listExclusions(
  { excluded }: Pick<ScannedContext, 'excluded'>,
  ignore: IgnoreMatcher,
): readonly ContextExclusion[] {
  return [...excluded].sort(byName).map(([path, pattern]) => ({
    path: fromByteString(path),
    pattern,
    line: ignore.match(path).line,
  }));
}

/** `seen` holds files, and groups of hard links, that were counted. */
function itemOf(path: string, node: Node, seen: Set<object>): ContextItem {
  const about = { path: fromByteString(path), kind: node.kind };
  if (node.kind === 'directory') return { ...about, ...folderOf(path, node, seen) };
  if (node.kind !== 'file') return { ...about, files: 0, size: 0, items: [] };
  const identity = node.links ?? node;
  if (seen.has(identity)) return { ...about, files: 0, size: 0, items: [] };
  seen.add(identity);
  return { ...about, files: 1, size: node.size, items: [] };
}

function folderOf(
  path: string,
  { entries }: Directory,
  seen: Set<object>,
): Pick<ContextItem, 'files' | 'size' | 'items'> {
  const items = Array.from(entries, ([name, node]) => itemOf(joinPath(path, name), node, seen));
  return {
    files: items.reduce((sum, { files }) => sum + files, 0),
    size: items.reduce((sum, { size }) => sum + size, 0),
    items: items.sort((a, b) => b.size - a.size || (a.path < b.path ? -1 : 1)),
  };
}
