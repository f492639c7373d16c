import { lstatSync, readlinkSync, type BigIntStats } from 'node:fs';
import { bytePath } from '../util/bytes.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import { opaqueXattr, plainWhiteoutXattr } from '../layers/overlay-format.js';
import type { LayerDirectory } from '../layers/types.js';
import type { XattrCache } from './xattr-cache.js';

/** A directory of the image as the overlay will show it. */
export interface MergedDirectory {
  readonly kind: 'directory';
  /** The directories that make it up, topmost first: absolute byte strings. */
  readonly parts: readonly string[];
  /** Of the topmost. */
  readonly stats: BigIntStats;
}

export type MergedNode =
  MergedDirectory | { readonly kind: 'symlink'; readonly target: string } | { readonly kind: 'other' };

/**
 * Looks into the lower directories of an image without mounting them: names are looked up one component at a time
 * and links are never followed by the kernel, as a layer may hold links to anywhere.
 */
export class LowerView {
  constructor(
    readonly lowers: readonly LayerDirectory[],
    readonly xattrs: XattrCache,
  ) {}

  /** The root; undefined for an image without layers. */
  async root(): Promise<MergedDirectory | undefined> {
    const parts = this.lowers.map(({ path }) => path).reverse();
    const [top] = parts;
    if (top === undefined) return undefined;
    return { kind: 'directory', parts, stats: lstatSync(bytePath(top), { bigint: true }) };
  }

  /** What `name` is in a directory; undefined when it is absent. */
  async child({ parts }: MergedDirectory, name: string): Promise<MergedNode | undefined> {
    const found: { path: string; stats: BigIntStats }[] = [];
    for (const part of parts) {
      const path = `${part}/${name}`;
      const stats = lstatIfPresent(path);
      if (stats === undefined) continue;
      if (!stats.isDirectory()) {
        if (found.length === 0)
          return (await this.#isPlainWhiteout(path, stats)) ? undefined : leaf(path, stats);
        break;
      }
      found.push({ path, stats });
    }
    const [top] = found;
    if (top === undefined) return undefined;
    const merged = found.length === 1 ? [top.path] : await this.#untilOpaque(found.map(({ path }) => path));
    return { kind: 'directory', parts: merged, stats: top.stats };
  }

  /** The plain form has marked empty files for whiteouts. */
  async #isPlainWhiteout(path: string, stats: BigIntStats): Promise<boolean> {
    if (this.lowers[0]?.namespace !== 'plain' || !stats.isFile() || stats.size > 0n) return false;
    return (await this.xattrs.read([path])).get(path)?.has(plainWhiteoutXattr) ?? false;
  }

  async #untilOpaque(paths: readonly string[]): Promise<string[]> {
    const xattrs = await this.xattrs.read(paths);
    const end = paths.findIndex((path) => isOpaque(xattrs.get(path)));
    return end < 0 ? [...paths] : paths.slice(0, end + 1);
  }
}

function isOpaque(xattrs: ReadonlyMap<string, Uint8Array> | undefined): boolean {
  const value = (['trusted', 'user', 'plain'] as const)
    .map((namespace) => xattrs?.get(opaqueXattr(namespace)))
    .find((found) => found !== undefined);
  return value !== undefined && Buffer.from(value).toString('latin1') === 'y';
}

/** Where a path leads inside the image, links followed as if its root were `/`. */
export interface Resolved {
  /** Relative to the root, without links. */
  readonly path: string;
  /** Directories from the root's child on that exist on the way. */
  readonly ancestors: readonly { readonly path: string; readonly directory: MergedDirectory }[];
  /** What stands at the path; undefined when that, or a directory before, is absent. */
  readonly node: MergedNode | undefined;
}

const maximumLinks = 40;

/**
 * Resolves an absolute path. With `stop`, resolving ends at the first path for which it says so: what follows is
 * taken literally. Throws `run` for loops and for paths below a file.
 */
export async function resolveInImage(
  view: LowerView,
  path: string,
  stop: (path: string) => boolean = () => false,
): Promise<Resolved> {
  const todo = components(path);
  let at: Place[] = [];
  let links = 0;
  const root = await view.root();
  for (let name = todo.shift(); name !== undefined; name = todo.shift()) {
    if (name === '..') {
      at = at.slice(0, -1);
      continue;
    }
    const parent = at.length === 0 ? root : at.at(-1)?.node;
    if (parent !== undefined && parent.kind !== 'directory') throw belowFile(path);
    const own = [...at.map((place) => place.name), name].join('/');
    const node = parent === undefined || stop(own) ? undefined : await view.child(parent, name);
    if (node?.kind !== 'symlink') {
      at = [...at, { name, node }];
      continue;
    }
    if (++links > maximumLinks)
      throw new TsbuildError('run', `${JSON.stringify(path)} leads through too many links`);
    if (node.target.startsWith('/')) at = [];
    todo.unshift(...components(node.target));
  }
  return resolved(at);
}

interface Place {
  readonly name: string;
  readonly node: MergedNode | undefined;
}

function resolved(places: readonly Place[]): Resolved {
  const paths = places.map((_, index) =>
    places
      .slice(0, index + 1)
      .map(({ name }) => name)
      .join('/'),
  );
  const ancestors = places.slice(0, -1).flatMap(({ node }, index) => {
    return node?.kind === 'directory' ? [{ path: paths[index] ?? '', directory: node }] : [];
  });
  return { path: paths.at(-1) ?? '', ancestors, node: places.at(-1)?.node };
}

function components(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function belowFile(path: string): TsbuildError {
  return new TsbuildError('run', `${JSON.stringify(path)} lies below a file of the image`);
}

function leaf(path: string, stats: BigIntStats): MergedNode | undefined {
  if (stats.isCharacterDevice() && stats.rdev === 0n) return undefined; // a whiteout
  if (!stats.isSymbolicLink()) return { kind: 'other' };
  return { kind: 'symlink', target: readlinkSync(bytePath(path), 'buffer').toString('latin1') };
}

/** Synchronous: an answer of the thread pool takes longer than many of these. */
function lstatIfPresent(path: string): BigIntStats | undefined {
  try {
    return lstatSync(bytePath(path), { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (errnoCode(error) === 'ENAMETOOLONG') return undefined;
    throw error;
  }
}
