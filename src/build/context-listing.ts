import { byName, joinPath } from '../layers/path.js';
import { resolve } from '../layers/resolve.js';
import { scanContext, type ScannedContext } from '../layers/scan-context.js';
import type { Directory, Node, Tree } from '../layers/types.js';
import { fromByteString, toByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';
import type { BuildContext } from './build-context.js';

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

/** Something that a rule of an ignore file keeps out, but for what exceptions bring back. */
export interface ContextExclusion {
  readonly path: string;
  /** Undefined where it cannot be looked at. */
  readonly kind: Node['kind'] | undefined;
  /** Regular files that are kept out. */
  readonly files: number | undefined;
  /** Bytes. */
  readonly size: number | undefined;
  readonly pattern: string;
  /** In the ignore file, from 1. */
  readonly line: number | undefined;
}

/** A context as a tree of sizes. Contents are not read. */
export function listContext({ tree }: Pick<ScannedContext, 'tree'>): ContextItem {
  return itemOf('', tree, new Set());
}

/** What is left out of a folder, by which rule; in the order of paths. Contents are not read. */
export async function listExclusions({
  files,
  identity,
}: Pick<BuildContext, 'files' | 'identity'>): Promise<readonly ContextExclusion[]> {
  const { tree, excluded } = await files();
  const whole = excluded.size === 0 ? undefined : await wholeFolder(identity);
  return [...excluded].sort(byName).map(([path, { pattern = '', line }]) => {
    const { kind, files: all, size } = amountOf(path, whole);
    const kept = amountOf(path, tree);
    return {
      path: fromByteString(path),
      kind,
      files: all === undefined ? undefined : all - (kept.files ?? 0),
      size: size === undefined ? undefined : size - (kept.size ?? 0),
      pattern,
      line,
    };
  });
}

/** Undefined when some of it cannot be read: that may be why it is left out. */
async function wholeFolder(path: string): Promise<Tree | undefined> {
  try {
    return (await scanContext(toByteString(path))).tree;
  } catch (error) {
    if (error instanceof TsbuildError && error.code === 'context') return undefined;
    throw error;
  }
}

function amountOf(
  path: string,
  tree: Tree | undefined,
): Partial<Pick<ContextItem, 'kind' | 'files' | 'size'>> {
  const node = tree && resolve(tree, path, { followLast: false }).node;
  return node === undefined ? {} : itemOf(path, node, new Set());
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
