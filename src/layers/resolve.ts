import { TsbuildError } from '../util/errors.js';
import { joinPath, namesOf, quoted } from './path.js';
import type { Directory, Node, Tree } from './types.js';

/** As Linux: more symbolic links than this in one path are a loop. */
const maxHops = 40;

export interface ResolveOptions {
  /** Whether a symbolic link at the end of the path is followed; default true. A trailing slash follows it always. */
  readonly followLast?: boolean | undefined;
  /** Where a relative path starts; default the root. */
  readonly cwd?: string | undefined;
}

/** Where a path leads. */
export interface Resolved {
  /** Without links and dots; names that do not exist are kept at the end. */
  readonly path: string;
  /** What is there. */
  readonly node: Node | undefined;
  /** Names at the end of `path` that do not exist; empty when `node` is there. */
  readonly missing: readonly string[];
  /** The deepest thing that exists on the way, and its path. It is no directory where one is in the way. */
  readonly existing: { readonly path: string; readonly node: Node };
}

/**
 * Follows a path inside a tree as the kernel does inside a changed root: `..` stops at the root, absolute link
 * targets start there, nothing outside exists. After a name that does not exist `..` takes that name back.
 * Throws `copy` after 40 links.
 */
export function resolve(tree: Tree, path: string, options: ResolveOptions = {}): Resolved {
  const walk = new PathWalk(tree);
  const followLast = (options.followLast ?? true) || /(^|\/)\.?$/.test(path);
  // Names still to go, the next one last.
  const pending = namesOf(path).reverse();
  if (options.cwd !== undefined && !path.startsWith('/')) pending.push(...namesOf(options.cwd).reverse());
  let hops = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    walk.step(name);
    const link = walk.node;
    if (link?.kind !== 'symlink' || (pending.length === 0 && !followLast)) continue;
    if (++hops > maxHops) throw new TsbuildError('copy', `too many symbolic links in ${quoted(path)}`);
    if (link.target.startsWith('/')) walk.restart();
    else walk.step('..');
    pending.push(...namesOf(link.target).reverse());
  }
  return walk.result();
}

/** A position in a tree: the nodes on the way to it and the names after the last node that do not exist. */
class PathWalk {
  readonly #root: Directory;
  #steps: { readonly path: string; readonly node: Node }[] = [];
  #missing: string[] = [];

  constructor(root: Directory) {
    this.#root = root;
  }

  get node(): Node | undefined {
    return this.#missing.length === 0 ? this.#last().node : undefined;
  }

  step(name: string): void {
    if (name === '..') {
      if (this.#missing.pop() === undefined) this.#steps.pop();
      return;
    }
    const { path, node } = this.#last();
    const child =
      this.#missing.length === 0 && node.kind === 'directory' ? node.entries.get(name) : undefined;
    if (child === undefined) this.#missing.push(name);
    else this.#steps.push({ path: joinPath(path, name), node: child });
  }

  restart(): void {
    this.#steps = [];
    this.#missing = [];
  }

  result(): Resolved {
    const existing = this.#last();
    const path = this.#missing.reduce(joinPath, existing.path);
    return { path, node: this.node, missing: this.#missing, existing };
  }

  #last(): { readonly path: string; readonly node: Node } {
    return this.#steps.at(-1) ?? { path: '', node: this.#root };
  }
}
