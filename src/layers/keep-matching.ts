import { goPathMatch, hasWildcard } from '../util/go-path-match.js';
import { joinPath, namesOf } from './path.js';
import type { Directory, Node } from './types.js';
import { unwind, type Recursion } from './unwind.js';

/**
 * The directory with only what matches a pattern and the directories on the way there (COPY --parents). `**`
 * stands for any number of names; what a matching directory holds matches too; '' matches everything. Links that match stay links;
 * a link to a directory that the pattern names literally on the way is passed through (`follow`) and becomes a
 * directory.
 */
export function keepMatching(
  top: Directory,
  pattern: string,
  follow: (path: string) => Node | undefined,
): Directory {
  const names = namesOf(pattern).map((name) => ({ name, any: name === '**', literal: !hasWildcard(name) }));
  if (names.length === 0) return top;
  const kept = unwind(keep({ follow, names, path: '', node: top, states: skipping([0], names) }));
  return kept ?? { ...top, entries: new Map() };
}

interface Wanted {
  readonly name: string;
  /** `**` */
  readonly any: boolean;
  readonly literal: boolean;
}

interface Place {
  /** What a path of the directory leads to when links are followed. */
  readonly follow: (path: string) => Node | undefined;
  readonly names: readonly Wanted[];
  readonly path: string;
  readonly node: Directory;
  /** Which parts of the pattern the next name may match. */
  readonly states: readonly number[];
}

function* keep(place: Place): Recursion<Directory | undefined> {
  const { names, node, states } = place;
  const entries = new Map<string, Node>();
  for (const [name, child] of node.entries) {
    const matching = states.filter((state) => step(state, name, names) !== undefined);
    const next = skipping(
      matching.map((state) => step(state, name, names) ?? state),
      names,
    );
    if (next.includes(names.length)) entries.set(name, child);
    else if (next.length > 0) {
      const path = joinPath(place.path, name);
      const literal = matching.every((state) => names[state]?.literal === true);
      const directory = child.kind === 'symlink' && literal ? place.follow(path) : child;
      if (directory?.kind !== 'directory') continue;
      const kept = yield keep({ ...place, path, node: directory, states: next });
      if (kept !== undefined) entries.set(name, kept);
    }
  }
  return entries.size === 0 ? undefined : { ...node, entries };
}

/** The state after a name, or undefined when the name does not match. */
function step(state: number, name: string, names: readonly Wanted[]): number | undefined {
  const wanted = names[state];
  if (wanted === undefined) return undefined;
  // A last `**` matches what is below a directory and not the directory itself.
  if (wanted.any) return state === names.length - 1 ? names.length : state;
  const matches = wanted.literal ? wanted.name === name : goPathMatch(wanted.name, name);
  return matches ? state + 1 : undefined;
}

/** The states with those that are reached when a `**` stands for nothing. */
function skipping(states: readonly number[], names: readonly Wanted[]): number[] {
  const reached = new Set<number>();
  for (let state of states) {
    reached.add(state);
    while (names[state]?.any === true && state < names.length - 1) reached.add(++state);
  }
  return [...reached];
}
