import { byName, joinPath } from './path.js';
import type { Directory, Node, Tree } from './types.js';

/** What both a tree's and a changeset's directories have. */
interface Folder<E> {
  readonly entries: ReadonlyMap<string, E>;
}

/**
 * Everything below a directory with its path, in the order of a tar: a directory before its entries, names by
 * byte. The directory itself is not visited. `enter` says whether to descend.
 */
export function* walk<E extends { readonly kind: string }, D extends E & Folder<E>>(
  top: D,
  enter: (directory: D) => boolean = () => true,
): Generator<[path: string, entry: E]> {
  const isDirectory = (entry: E): entry is D => entry.kind === 'directory';
  const pending: [string, E][] = below('', top);
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    yield next;
    const [path, entry] = next;
    if (isDirectory(entry) && enter(entry)) for (const child of below(path, entry)) pending.push(child);
  }
}

/** The entries of one directory, last name first, so that a stack gives them in order. */
function below<E>(path: string, directory: Folder<E>): [string, E][] {
  const sorted = [...directory.entries].sort(byName).reverse();
  return sorted.map(([name, entry]) => [joinPath(path, name), entry]);
}

/** Every node below the root with its path, in the order of a tar. */
export function walkTree(tree: Tree, enter?: (directory: Directory) => boolean): Iterable<[string, Node]> {
  return walk<Node, Directory>(tree, enter);
}
