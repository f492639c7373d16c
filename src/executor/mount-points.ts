/** Decides where everything is mounted, and which mount points the image lacks. Reads the image, changes nothing. */
import { lstat } from 'node:fs/promises';
import { bytePath, fromByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';
import { resolveInImage, type LowerView, type MergedDirectory, type Resolved } from './lower-view.js';
import type { PlannedMount } from './sandbox/plan.js';
import type { StepMount } from './types.js';

export interface MountPoints {
  readonly hosts: string;
  readonly resolvConf: string;
  readonly mounts: readonly PlannedMount[];
  /** What the init layer holds besides copies: empty directories and files, by path relative to the root. */
  readonly stubs: ReadonlyMap<string, 'directory' | 'file'>;
  /** Directories of the image that have a stub below: the init layer holds copies of their metadata. */
  readonly copies: ReadonlyMap<string, MergedDirectory>;
  /** Which of proc, sys and dev the image lacks: they become part of the step's layer, as BuildKit does it. */
  readonly lacking: readonly string[];
}

/** Throws `run` for a target that cannot be mounted on. */
export async function planMountPoints(view: LowerView, mounts: readonly StepMount[]): Promise<MountPoints> {
  const planner = new Planner(view);
  await planner.planBase();
  const hosts = await planner.planSystemFile('etc/hosts');
  const resolvConf = await planner.planSystemFile('etc/resolv.conf');
  const planned: PlannedMount[] = [];
  for (const mount of mounts) planned.push(await planner.planMount(mount));
  return {
    hosts,
    resolvConf,
    mounts: planned,
    stubs: planner.stubs,
    copies: planner.copies,
    lacking: planner.lacking,
  };
}

const base = ['proc', 'sys', 'dev'];

class Planner {
  readonly stubs = new Map<string, 'directory' | 'file'>();
  readonly copies = new Map<string, MergedDirectory>();
  readonly lacking: string[] = [];
  #mounted = new Set(base);

  constructor(readonly view: LowerView) {}

  /** A link or file in the place of /proc, /sys or /dev is covered by a directory for the length of the step. */
  async planBase(): Promise<void> {
    const root = await this.view.root();
    for (const name of base) {
      const node = root && (await this.view.child(root, name));
      if (node === undefined) this.lacking.push(name);
      else if (node.kind !== 'directory') this.stubs.set(name, 'directory');
    }
  }

  /** A file of ours in /etc. Where the image's links lead nowhere useful, they are covered too. */
  async planSystemFile(path: string): Promise<string> {
    const resolved = await this.#resolve(`/${path}`).catch((error: unknown) => {
      if (error instanceof TsbuildError) return undefined;
      throw error;
    });
    if (
      resolved === undefined ||
      resolved.node?.kind === 'directory' ||
      this.#mountAbove(resolved.path) !== undefined
    ) {
      return await this.#cover(path);
    }
    if (resolved.node === undefined) this.#addStub(resolved, 'file');
    return resolved.path;
  }

  async planMount(mount: StepMount): Promise<PlannedMount> {
    const isDirectory = await mountsDirectory(mount);
    const resolved = await this.#resolve(mount.target);
    const { path, node } = resolved;
    const above = this.#mountAbove(path);
    if (path === '' || base.includes(path) || above === 'proc' || above === 'sys') {
      throw targetError(mount, 'is not a place for a mount');
    }
    if (above === undefined && !this.#mounted.has(path)) {
      if (node === undefined) this.#addStub(resolved, isDirectory ? 'directory' : 'file');
      else if ((node.kind === 'directory') !== isDirectory) {
        throw targetError(mount, isDirectory ? 'is a file in the image' : 'is a directory in the image');
      }
    }
    this.#mounted.add(path);
    const inside = above === undefined ? [] : path.slice(above.length + 1).split('/');
    return { mount, at: { path, inside }, isDirectory };
  }

  #resolve(path: string): Promise<Resolved> {
    return resolveInImage(this.view, path, (at) => this.#mounted.has(at));
  }

  /** The innermost mount that a path lies below. */
  #mountAbove(path: string): string | undefined {
    const all = [...this.#mounted].filter((mounted) => path.startsWith(`${mounted}/`));
    return all.sort((a, b) => b.length - a.length)[0];
  }

  #addStub({ path, ancestors }: Resolved, kind: 'directory' | 'file'): void {
    for (const ancestor of ancestors) this.copies.set(ancestor.path, ancestor.directory);
    const names = path.split('/');
    names.slice(0, -1).forEach((_, index) => {
      const parent = names.slice(0, index + 1).join('/');
      if (!this.copies.has(parent)) this.stubs.set(parent, 'directory');
    });
    this.stubs.set(path, kind);
  }

  /** A file at exactly this path, whatever the image has on the way. */
  async #cover(path: string): Promise<string> {
    const names = path.split('/');
    const ancestors: { path: string; directory: MergedDirectory }[] = [];
    let directory = await this.view.root();
    for (const [index, name] of names.slice(0, -1).entries()) {
      const node = directory && (await this.view.child(directory, name));
      directory = node?.kind === 'directory' ? node : undefined;
      if (directory) ancestors.push({ path: names.slice(0, index + 1).join('/'), directory });
    }
    this.#addStub({ path, ancestors, node: undefined }, 'file');
    return path;
  }
}

async function mountsDirectory(mount: StepMount): Promise<boolean> {
  if (mount.kind === 'secret' || mount.kind === 'file' || mount.kind === 'device') return false;
  if (mount.kind === 'view') return mount.isDirectory;
  if (mount.kind !== 'bind' && mount.kind !== 'host') return true;
  const source = await lstat(bytePath(mount.source));
  if (source.isSymbolicLink()) throw targetError(mount, 'has a symbolic link as its source');
  return source.isDirectory();
}

function targetError(mount: StepMount, problem: string): TsbuildError {
  const target = JSON.stringify(fromByteString(mount.target));
  return new TsbuildError('run', `mount target ${target} ${problem}`, {
    hint:
      mount.kind === 'host' || mount.kind === 'device'
        ? 'it is the target of a CDI spec: correct the spec'
        : 'choose another target for --mount',
  });
}
