import { closeSync, lstatSync, readdirSync, readlinkSync, statSync, type BigIntStats } from 'node:fs';
import { errnoCode, TsbuildError } from '../util/errors.js';
import { Beneath, below, itself, openFolder, openRoot } from './beneath.js';
import {
  HostContent,
  hostFile,
  identityOf,
  rememberedDigest,
  type HashCache,
  type HashSettings,
} from './host-file.js';
import { joinPath, quoted } from './path.js';
import { deviceOf, fileType } from './stat.js';
import { Turns } from './turns.js';
import type { Body, Directory, File, LinkGroup, Metadata, Node, Tree } from './types.js';

export type { FileIdentity, HashCache } from './host-file.js';

/** What decides about paths of the context; byte strings relative to its root. */
export interface ContextFilter {
  match(path: string): { readonly excluded: boolean } & Partial<Exclusion>;
  /** False when nothing below an excluded directory can be included. */
  mayIncludeBelow(dir: string): boolean;
}

/** Why something was left out. */
export interface Exclusion {
  /** As written. */
  readonly pattern?: string | undefined;
  /** In the file that the pattern stands in, from 1. */
  readonly line?: number | undefined;
}

export interface ScanOptions {
  readonly hashCache?: HashCache | undefined;
  /** Told of what no layer can hold: sockets, and 0:0 devices, which overlayfs takes for whiteouts. */
  readonly onSkipped?: ((path: string) => void) | undefined;
}

export interface ScannedContext {
  readonly tree: Tree;
  /** What was left out, by path; what is below an excluded directory is not listed again. */
  readonly excluded: ReadonlyMap<string, Exclusion>;
  /** The file that tells what is left out, as shown to people. */
  readonly ignoreFile?: string | undefined;
  /** Reads and hashes files ahead, so that their digests are known. Throws `context` for files that changed. */
  hash(files: Iterable<File>): Promise<void>;
  /** Throws `context` for a file that is not a node of `tree`. */
  body(file: File): Body;
}

/** Coarser than the timestamps of every file system that matters (FAT keeps two seconds). */
const tick = 2_000_000_000n;

/**
 * The directory `root` (an absolute byte string) as a tree, by looking only: digests are read when they are asked for.
 * Others may write to the directory meanwhile: nothing is read through a symbolic link, and a file that is not the one
 * that was listed is an error. Fifos and devices are never opened. Owners are those on disk; extended attributes are
 * not read. Throws `context` when something cannot be read.
 */
export async function scanContext(
  root: string,
  ignore?: ContextFilter,
  options: ScanOptions = {},
): Promise<ScannedContext> {
  const settings: HashSettings = {
    cache: options.hashCache,
    settledBefore: BigInt(Date.now()) * 1_000_000n - tick,
    open: () => new Beneath(root),
  };
  const scan = new Scan(root, ignore, { options, settings });
  const tree = await scan.run();
  return {
    tree,
    excluded: scan.excluded,
    hash: (files) => hashAll(files, scan.contents, settings),
    body: (file) => ({ kind: 'path', path: `${root}/${pathOf(contentOf(file, scan.contents))}` }),
  };
}

/** No WeakMap: the tree and this live equally long, and tens of thousands of weak keys are dear to the collector. */
type Contents = Map<File, KnownPath | HostContent>;

/** Of a file whose digest was remembered the path is enough: most files of most builds, so nothing else is kept. */
type KnownPath = string;

function pathOf(content: KnownPath | HostContent): string {
  return typeof content === 'string' ? content : content.path;
}

function contentOf(file: File, contents: Contents): KnownPath | HostContent {
  const content = contents.get(file);
  if (content === undefined) throw new TsbuildError('context', 'a file is not part of the build context');
  return content;
}

async function hashAll(files: Iterable<File>, contents: Contents, { open }: HashSettings): Promise<void> {
  const turns = new Turns();
  let beneath: Beneath | undefined;
  try {
    for (const file of files) {
      const content = contentOf(file, contents);
      if (typeof content === 'string' || content.isKnown()) continue;
      beneath ??= open();
      await content.prefetch(beneath, turns);
      await turns.pause();
    }
  } finally {
    beneath?.close();
  }
}

/** Deeper than this, directories are opened from the root again instead of keeping all of their parents open. */
const mostOpen = 64;

interface Folder {
  readonly path: string;
  readonly depth: number;
  readonly stat: BigIntStats;
}

class Scan {
  readonly excluded = new Map<string, Exclusion>();
  readonly contents: Contents = new Map();
  /** Files with several names by device and inode. */
  readonly #linked = new Map<string, File>();
  readonly #turns = new Turns();

  constructor(
    private readonly root: string,
    private readonly ignore: ContextFilter | undefined,
    private readonly settings: { readonly options: ScanOptions; readonly settings: HashSettings },
  ) {}

  async run(): Promise<Directory> {
    const fd = this.#guarded('', () => openRoot(this.root));
    const stat = statSync(itself(fd), { bigint: true });
    return this.#folder(fd, { path: '', depth: 0, stat }, false);
  }

  /** Closes `fd`. With `hidden` the directory itself is excluded, but something below may not be. */
  async #folder(fd: number, folder: Folder, hidden: boolean): Promise<Directory> {
    const keep = folder.depth < mostOpen;
    let open = true;
    const close = (): void => {
      if (open) closeSync(fd);
      open = false;
    };
    const entries = new Map<string, Node>();
    const folders: [name: string, stat: BigIntStats][] = [];
    try {
      for (const [name, stat] of this.#list(fd, folder.path)) {
        if (fileType(stat) === 'directory') folders.push([name, stat]);
        else this.#addLeaf({ fd, name, stat, path: joinPath(folder.path, name) }, { entries, hidden });
      }
      if (!keep) close();
      await this.#turns.pause();
      for (const [name, stat] of folders) {
        const below = { path: joinPath(folder.path, name), depth: folder.depth + 1, stat };
        const child = await this.#child(keep ? fd : undefined, { name, below, hidden });
        if (child !== undefined) entries.set(name, child);
      }
    } finally {
      close();
    }
    return { kind: 'directory', meta: metadataOf(folder.stat), entries };
  }

  /** Undefined when the directory is excluded and nothing below it is included. */
  async #child(
    fd: number | undefined,
    { name, below: folder, hidden }: { name: string; below: Folder; hidden: boolean },
  ): Promise<Directory | undefined> {
    const excluded = this.#isExcluded(folder.path, hidden);
    if (excluded && this.ignore?.mayIncludeBelow(folder.path) !== true) return undefined;
    const opened = this.#guarded(folder.path, () =>
      fd === undefined ? this.#openFromRoot(folder.path) : openFolder(fd, name),
    );
    const directory = await this.#folder(opened, folder, excluded);
    return excluded && directory.entries.size === 0 ? undefined : directory;
  }

  #openFromRoot(path: string): number {
    const beneath = this.settings.settings.open();
    try {
      return beneath.openFolder(path);
    } finally {
      beneath.close();
    }
  }

  /** Names and what they are, in byte order; what vanishes meanwhile is left out. */
  #list(fd: number, path: string): [name: string, stat: BigIntStats][] {
    const names = this.#guarded(path, () => readdirSync(itself(fd), { encoding: 'latin1' })).sort();
    const listed: [string, BigIntStats][] = [];
    for (const name of names) {
      const stat = lstatSync(below(fd, name), { bigint: true, throwIfNoEntry: false });
      if (stat !== undefined) listed.push([name, stat]);
    }
    return listed;
  }

  #addLeaf(leaf: Leaf, { entries, hidden }: { entries: Map<string, Node>; hidden: boolean }): void {
    if (this.#isExcluded(leaf.path, hidden)) return;
    const node = this.#leaf(leaf);
    if (node === undefined) this.settings.options.onSkipped?.(leaf.path);
    else entries.set(leaf.name, node);
  }

  #leaf(leaf: Leaf): Node | undefined {
    const { fd, name, stat, path } = leaf;
    const type = fileType(stat);
    if (type === 'file') return this.#file(leaf);
    if (type === 'symlink') {
      const target = this.#guarded(path, () => readlinkSync(below(fd, name), { encoding: 'buffer' }));
      return { kind: 'symlink', meta: metadataOf(stat), target: target.toString('latin1') };
    }
    if (type === 'fifo') return { kind: 'device', type, meta: metadataOf(stat), major: 0, minor: 0 };
    if (type === 'block' || (type === 'char' && stat.rdev !== 0n)) {
      return { kind: 'device', type, meta: metadataOf(stat), ...deviceOf(stat.rdev) };
    }
    return undefined;
  }

  #file({ stat, path }: Leaf): File {
    const key = stat.nlink > 1n ? `${stat.dev}:${stat.ino}` : undefined;
    const known = key === undefined ? undefined : this.#linked.get(key);
    if (known !== undefined) return known;
    const { settings } = this.settings;
    const identity = identityOf(stat);
    const digest = rememberedDigest(identity, settings);
    const content = digest === undefined ? new HostContent(path, identity, settings) : { digest };
    const links = key === undefined ? undefined : newGroup();
    const file = hostFile(content, { meta: metadataOf(stat), size: Number(stat.size), links });
    this.contents.set(file, content instanceof HostContent ? content : path);
    if (key !== undefined) this.#linked.set(key, file);
    return file;
  }

  #isExcluded(path: string, hidden: boolean): boolean {
    const verdict = this.ignore?.match(path);
    if (verdict?.excluded !== true) return false;
    const { pattern, line } = verdict;
    if (!hidden) this.excluded.set(path, { pattern, line });
    return true;
  }

  #guarded<T>(path: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      const code = errnoCode(error);
      if (code === undefined) throw error;
      const name = path === '' ? quoted(this.root) : quoted(path);
      throw new TsbuildError('context', `cannot read ${name} of the build context: ${code}`, {
        cause: error,
      });
    }
  }
}

interface Leaf {
  /** The directory that holds it. */
  readonly fd: number;
  readonly name: string;
  readonly stat: BigIntStats;
  readonly path: string;
}

function metadataOf({ mode, uid, gid, mtimeNs }: BigIntStats): Metadata {
  return { mode: Number(mode) & 0o7777, uid: Number(uid), gid: Number(gid), mtime: mtimeNs };
}

function newGroup(): LinkGroup {
  return {};
}
