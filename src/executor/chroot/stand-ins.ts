/** What stands in a plain root for the mounts of a step: files and folders that are put there, and taken away. */
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { deviceNumber, makeNodes, type NodeToMake } from '../../sys/nodes.js';
import { applyAttributes } from '../../sys/attributes.js';
import { removeTree } from '../../sys/remove-tree.js';
import { bytePath } from '../../util/bytes.js';
import { errnoCode, TsbuildError } from '../../util/errors.js';
import type { HostFacts, PlannedMount } from '../sandbox/plan.js';
import { applyLayer, copyEntries, listTree } from './apply-layer.js';
import { SecretPipes } from './secret-pipes.js';

interface StandIn {
  /** Path in the root, beginning with a slash. */
  readonly path: string;
  /** Where what stood there waits. */
  readonly saved: string | undefined;
  /** Where what stands there now goes afterwards; it is deleted without. */
  readonly home: string | undefined;
}

export class StandIns {
  readonly #placed: StandIn[] = [];
  readonly #madeParents: string[] = [];
  readonly secrets: SecretPipes;

  constructor(
    private readonly root: string,
    /** Folder on the same file system, for what is put aside. */
    private readonly aside: string,
  ) {
    this.secrets = new SecretPipes(aside);
  }

  /** Whether something of ours stood at a path, so that it is no part of the step's changes. */
  readonly isOurs = (path: string): boolean => this.#placed.some((placed) => placed.path === path);

  /** Whether a path lies inside something of ours. */
  readonly isInside = (path: string): boolean =>
    this.#placed.some((placed) => path.startsWith(`${placed.path}/`));

  /** Directories that were made on the way to a stand-in, which stay when the step has put something there. */
  get madeParents(): readonly string[] {
    return this.#madeParents;
  }

  /** Directories that stay. */
  async makeForGood(names: readonly string[]): Promise<void> {
    for (const name of names) {
      makeDirectory(`${this.root}/${name}`);
      await applyAttributes([{ path: `${this.root}/${name}`, mtime: 0n }]);
    }
  }

  /** An empty file or folder for something to be mounted on. */
  async placeStub(path: string, kind: 'directory' | 'file'): Promise<void> {
    if (kind === 'file') return this.placeFile(path, new Uint8Array(), 0o644);
    if (!isThere(`${this.root}/${path}`)) return this.#makeParents(`/${path}/`);
    await this.#place(`/${path}`, makeDirectory);
  }

  /** /proc and /sys empty, /dev with the few devices that may be made. Gives whether they can be used. */
  async placeBase(host: HostFacts): Promise<boolean> {
    for (const name of ['proc', 'sys', 'dev']) {
      await this.#place(`/${name}`, makeDirectory);
    }
    const dev = `${this.root}/dev`;
    mkdirSync(bytePath(`${dev}/shm`));
    chmodSync(bytePath(`${dev}/shm`), 0o1777);
    symlinkSync('/proc/self/fd', bytePath(`${dev}/fd`));
    const nodes = host.allDevices
      .filter(({ name }) => host.devices.includes(name) && name !== 'tty')
      .map(
        ({ name, device }) =>
          ({ path: `${dev}/${name}`, type: 'char', mode: 0o666, ...numbersOf(device) }) as const,
      );
    if (await makeDevices(nodes)) return true;
    for (const { path } of nodes) rmSync(bytePath(path), { force: true });
    writeFileSync(bytePath(`${dev}/null`), '');
    chmodSync(bytePath(`${dev}/null`), 0o666);
    return false;
  }

  async placeFile(path: string, bytes: Uint8Array, mode: number): Promise<void> {
    await this.#place(`/${path}`, (target) => {
      writeFileSync(bytePath(target), bytes, { flag: 'wx' });
      chmodSync(bytePath(target), mode);
    });
  }

  /** Throws `sandbox` for what cannot be imitated. */
  async placeMount({ mount, at }: PlannedMount): Promise<void> {
    const target = `/${at.path}`;
    switch (mount.kind) {
      case 'file':
        return this.placeFile(at.path, mount.bytes, mount.mode);
      case 'tmpfs':
        return this.#place(target, (path) => {
          mkdirSync(bytePath(path));
          chmodSync(bytePath(path), 0o1777);
        });
      case 'bind':
        return this.#place(target, (path) => showBind(mount.source, path));
      case 'view':
        return this.#place(target, (path) => this.#placeView(mount, path));
      case 'cache':
        return this.#placeCache(target, mount.path ? `${mount.source}/${mount.path}` : mount.source);
      case 'secret':
        return this.#place(target, (path) => this.secrets.offer(mount, path));
      case 'device':
      case 'host':
        throw new TsbuildError('sandbox', 'RUN --device is not to be had in isolation mode chroot', {
          hint: 'tsbuild doctor says what would allow another mode',
        });
    }
  }

  async #placeView(
    { lowers, path }: Extract<PlannedMount['mount'], { kind: 'view' }>,
    target: string,
  ): Promise<void> {
    const whole = `${this.aside}/view-${this.#placed.length}`;
    mkdirSync(bytePath(whole));
    for (const lower of lowers) await applyLayer(lower, whole);
    renameSync(bytePath(path === '' ? whole : `${whole}/${path}`), bytePath(target));
    await removeTree(whole);
  }

  /** A cache is moved in and back: it is not there for other steps meanwhile. */
  async #placeCache(target: string, source: string): Promise<void> {
    await this.#place(
      target,
      (path) => {
        try {
          renameSync(bytePath(source), bytePath(path));
        } catch (error) {
          throw new TsbuildError(
            'sandbox',
            'a cache mount is in use by another step, or on another file system',
            {
              hint: 'chroot mode cannot share caches: build with --jobs=1, and one build at a time',
              cause: error,
            },
          );
        }
      },
      source,
    );
  }

  async #place(path: string, make: (target: string) => void | Promise<void>, home?: string): Promise<void> {
    const target = `${this.root}${path}`;
    const parent = target.slice(0, target.lastIndexOf('/'));
    await this.#makeParents(path);
    const { mtimeNs } = lstatSync(bytePath(parent), { bigint: true });
    const aside = `${this.aside}/saved-${this.#placed.length}`;
    const saved = isThere(target) ? aside : undefined;
    if (saved !== undefined) renameSync(bytePath(target), bytePath(saved));
    this.#placed.push({ path, saved, home });
    await make(target);
    await applyAttributes([{ path: parent, mtime: mtimeNs }]);
  }

  /** Their own parents keep their times. */
  async #makeParents(path: string): Promise<void> {
    const names = path.split('/').slice(1, -1);
    const parents = names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`);
    const missing = parents.filter((parent) => !isThere(`${this.root}${parent}`));
    const [first] = missing;
    if (first === undefined) return;
    const above = `${this.root}${first.slice(0, first.lastIndexOf('/'))}`;
    const { mtimeNs } = lstatSync(bytePath(above), { bigint: true });
    for (const parent of missing) makeDirectory(`${this.root}${parent}`);
    this.#madeParents.push(...missing);
    await applyAttributes([{ path: above, mtime: mtimeNs }]);
  }

  /** Takes everything away again, the last first. All processes of the step must have ended. */
  async remove(): Promise<void> {
    await this.secrets.close();
    for (const { path, saved, home } of this.#placed.reverse()) {
      const target = `${this.root}${path}`;
      const parent = target.slice(0, target.lastIndexOf('/'));
      if (!isThere(parent)) {
        if (home !== undefined && !existsSync(bytePath(home))) mkdirSync(bytePath(home), { mode: 0o700 });
        continue;
      }
      const { mtimeNs } = lstatSync(bytePath(parent), { bigint: true });
      if (home !== undefined && isThere(target)) renameSync(bytePath(target), bytePath(home));
      else await removeTree(target);
      if (saved !== undefined) renameSync(bytePath(saved), bytePath(target));
      await applyAttributes([{ path: parent, mtime: mtimeNs }]);
    }
    for (const path of [...this.#madeParents].reverse()) await removeIfEmpty(`${this.root}${path}`);
  }
}

/** Whatever the umask of this process is. */
function makeDirectory(path: string): void {
  mkdirSync(bytePath(path));
  chmodSync(bytePath(path), 0o755);
}

/** A socket is the same under another name: who connects to it reaches whoever listens. */
async function showBind(source: string, target: string): Promise<void> {
  if (lstatSync(bytePath(source)).isSocket()) linkSync(bytePath(source), bytePath(target));
  else await copyEntries(listTree(source), { from: source, to: target });
}

/** The directory that it lies in keeps its time. */
async function removeIfEmpty(path: string): Promise<void> {
  const above = path.slice(0, path.lastIndexOf('/'));
  if (!isThere(above)) return;
  const { mtimeNs } = lstatSync(bytePath(above), { bigint: true });
  try {
    rmdirSync(bytePath(path));
    await applyAttributes([{ path: above, mtime: mtimeNs }]);
  } catch (error) {
    if (!['ENOTEMPTY', 'ENOENT', 'ENOTDIR'].includes(errnoCode(error) ?? '')) throw error;
  }
}

/** False without CAP_MKNOD, or where the file system is mounted nodev. */
async function makeDevices(nodes: readonly NodeToMake[]): Promise<boolean> {
  try {
    await makeNodes(nodes);
    for (const { path } of nodes) closeSync(openSync(bytePath(path), 'r'));
    return true;
  } catch (error) {
    if (['EPERM', 'EACCES'].includes(errnoCode(error) ?? '')) return false;
    throw error;
  }
}

function numbersOf(device: number): { readonly major: number; readonly minor: number } {
  const major = (device >>> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  if (deviceNumber(major, minor) !== device) throw new Error(`device ${device}`);
  return { major, minor };
}

function isThere(path: string): boolean {
  try {
    lstatSync(bytePath(path));
    return true;
  } catch (error) {
    if (errnoCode(error) === 'ENOENT' || errnoCode(error) === 'ENOTDIR') return false;
    throw error;
  }
}
