import { goPathMatch } from '../util/go-path-match.js';
import { byName, joinPath } from './path.js';
import type { Directory, Node } from './types.js';

/**
 * Paths below a directory that match a pattern name by name, in the order of their names. Symbolic links are
 * matched and not passed through.
 */
export function matchPaths(top: Directory, pattern: readonly string[]): string[] {
  let found: [string, Node][] = [['', top]];
  for (const wanted of pattern) {
    found = found.flatMap(([path, node]) => (node.kind === 'directory' ? children(path, node, wanted) : []));
  }
  return found.map(([path]) => path);
}

function children(path: string, directory: Directory, wanted: string): [string, Node][] {
  const matching = [...directory.entries].filter(([name]) => goPathMatch(wanted, name));
  return matching.sort(byName).map(([name, node]) => [joinPath(path, name), node]);
}
