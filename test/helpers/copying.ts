import { copy, type CopyOptions } from '../../src/layers/copy.js';
import { select } from '../../src/layers/select.js';
import type { Changeset, Node, Tree } from '../../src/layers/types.js';
import { dir, file, makeTree } from './make-tree.js';

type Nodes = Readonly<Record<string, Node>>;

/** A COPY: `words` select from `source` what is copied onto `base`. */
export interface Copying {
  readonly base?: Nodes;
  readonly source: Nodes;
  /** Source words. */
  readonly words: readonly string[];
  readonly to: string;
  readonly options?: Partial<CopyOptions>;
  readonly exclude?: (path: string) => boolean;
}

/** What the COPY changes; from a build context unless the options say otherwise. */
export function runCopy({ base = {}, source, words, to, options = {}, exclude }: Copying): Changeset {
  return copyTree(makeTree(base), makeTree(source), { words, to, options, exclude });
}

export function copyTree(
  base: Tree,
  source: Tree,
  { words, to, options = {}, exclude }: Omit<Copying, 'base' | 'source'>,
) {
  const parents = options.parents ?? false;
  const sources = words.map((pattern) => ({
    pattern,
    selections: select(source, pattern, { parents, exclude }),
  }));
  const defaults = { workdir: '/', defaultOwner: 'root', parents, now: 100n, stripXattrs: true } as const;
  return copy(base, sources, { ...defaults, ...options, destination: to });
}

/** A context with one file. */
export const one = { 'a.txt': file('A', { mode: 0o640, uid: 7, gid: 8, mtime: 5n }) };
/** A context with a directory of which everything is somebody's. */
export const tree = {
  src: dir({ mode: 0o700, uid: 7, gid: 8, mtime: 6n }),
  'src/f': file('F', { uid: 7, gid: 8, mtime: 5n }),
  'src/sub': dir({ mode: 0o711, uid: 7, gid: 8, mtime: 7n }),
  'src/sub/g': file('G', { mode: 0o4755, mtime: 5n }),
};
/** What the directory inside of it becomes. */
export const contents = ['sub/ 711 0:0 @7', 'sub/g 4755 0:0 @5 G'];
