import { hasWildcard } from '../util/go-path-match.js';
import { didYouMean } from '../parser/suggest.js';
import { fromByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';
import { exclude as withoutExcluded } from './exclude.js';
import { baseName, cleanPath, joinPath, namesOf, quoted } from './path.js';
import { matchPaths } from './match-paths.js';
import { keepMatching } from './keep-matching.js';
import { resolve, type Resolved } from './resolve.js';
import type { Node, Tree } from './types.js';

export interface SelectOptions {
  /** Whether --exclude takes a path out; paths are relative to the selected directory (or a selected file's folder). */
  readonly exclude?: ((path: string) => boolean) | undefined;
  /** --parents: what is selected keeps its path below the pivot (the first `/./`, or the root). */
  readonly parents?: boolean | undefined;
}

/** One thing that a source word stands for. */
export interface Selection {
  /** As matched, from the root of the source; with --parents the pivot. */
  readonly path: string;
  /** Name that a file gets inside a directory: the last one of `path`, before links are followed. */
  readonly name: string;
  /** What is there, without what is excluded; with --parents the pivot directory holding only what matches. */
  readonly node: Node;
}

/**
 * What one source word of COPY or ADD selects, in order. A leading `/` and `..` stay inside the tree. Wildcards are
 * Go's filepath.Match and do not pass through symbolic links; a link that is itself selected is followed.
 * A wildcard without a match selects nothing; a plain path that is missing, or the plain beginning of a pattern, throws
 * `copy`.
 */
export function select(tree: Tree, pattern: string, options: SelectOptions = {}): Selection[] {
  return options.parents === true
    ? selectParents(tree, pattern, options)
    : selectPlain(tree, pattern, options);
}

function selectPlain(tree: Tree, pattern: string, { exclude }: SelectOptions): Selection[] {
  const found = pathsOf(tree, cleanPath(pattern));
  const selections: Selection[] = [];
  for (const path of found) {
    const node = followed(tree, path);
    const name = baseName(path);
    if (exclude === undefined) selections.push({ path, name, node });
    else if (node.kind === 'directory') selections.push({ path, name, node: withoutExcluded(node, exclude) });
    else if (!exclude(name)) selections.push({ path, name, node });
  }
  return selections;
}

function selectParents(tree: Tree, pattern: string, { exclude }: SelectOptions): Selection[] {
  const cut = pattern.indexOf('/./');
  const pivot = cleanPath(cut < 0 ? '' : pattern.slice(0, cut));
  const rest = cleanPath(cut < 0 ? pattern : pattern.slice(cut + 3));
  return pathsOf(tree, pivot).map((path) => {
    const top = followed(tree, path);
    if (top.kind !== 'directory') throw new TsbuildError('copy', `${quoted(path)} is not a directory`);
    const kept = keepMatching(top, rest, (below) => resolve(tree, joinPath(path, below)).node);
    if (kept.entries.size === 0 && rest !== '' && !hasWildcard(rest)) {
      throw missing(resolve(tree, joinPath(path, rest), { followLast: false }), joinPath(path, rest));
    }
    return {
      path,
      name: baseName(path),
      node: exclude === undefined ? kept : withoutExcluded(kept, exclude),
    };
  });
}

/** Paths that a clean pattern stands for; a plain one stands for itself. */
function pathsOf(tree: Tree, pattern: string): readonly string[] {
  const names = namesOf(pattern);
  const first = names.findIndex(hasWildcard);
  if (first < 0) return [pattern];
  const folder = names.slice(0, first).join('/');
  const base = resolve(tree, folder);
  if (base.node === undefined) throw missing(base, folder);
  if (base.node.kind !== 'directory') return [];
  return matchPaths(base.node, names.slice(first)).map((path) => joinPath(base.path, path));
}

function followed(tree: Tree, path: string): Node {
  const found = resolve(tree, path);
  if (found.node === undefined) throw missing(found, path);
  return found.node;
}

function missing(found: Resolved, path: string): TsbuildError {
  const { node } = found.existing;
  const names = node.kind === 'directory' ? [...node.entries.keys()].sort().map(fromByteString) : [];
  const hint = didYouMean(fromByteString(found.missing[0] ?? ''), names);
  return new TsbuildError('copy', `${quoted(path)} does not exist`, { hint });
}
