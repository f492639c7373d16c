import {
  chmodSync,
  closeSync,
  fchmodSync,
  fchownSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
} from 'node:fs';
import { applyAttributes, type AttributeChange } from '../sys/attributes.js';
import { storeFailure } from '../store/failure.js';
import { makeNodes } from '../sys/nodes.js';
import { bytePath } from '../util/bytes.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import { BodyFiles } from './body-file.js';
import { entryAt, walkChangeset } from './changeset.js';
import { capabilityXattr } from './file-capability.js';
import { makeWhiteouts } from './make-whiteouts.js';
import { implicitMetadata } from './metadata.js';
import { isLayerXattr, opaqueXattr } from './overlay-format.js';
import { namesOf, quoted } from './path.js';
import { lookup } from './tree.js';
import { Turns } from './turns.js';
import type {
  BodySource,
  Changeset,
  ChangesetDirectory,
  ChangesetEntry,
  Device,
  File,
  HardLink,
  LayerDirectory,
  LinkGroup,
  Metadata,
  OverlayNamespace,
  Symlink,
  Tree,
} from './types.js';
import { copyVerified } from './verified-copy.js';

/** A changeset with the contents of its files. */
export interface LayerContent {
  readonly changeset: Changeset;
  /** Also asked for files of the base that the layer gives another name. */
  readonly bodies: BodySource;
}

/**
 * Writes a layer below `destination`, an absolute byte string that must not exist or be empty, in the form that overlayfs
 * takes as a lower directory. `base` is the tree below: directories that the layer does not describe get their metadata
 * from there, and hard links to files of lower layers become copies. Mode, owner, time (ns), attributes, devices and
 * hard-link groups are exact; directories come last. Attributes of overlayfs itself are left out. In the `user` namespace
 * what only the host's root may make is left out too: devices, and attributes of `trusted.` and `security.` other than
 * capabilities; owners outside the namespace's map become its root. Contents are compared while they are copied.
 * Nothing is durable yet. Throws `store` for a content that does not match and for failures of the file system.
 */
export async function materialise(
  layer: LayerContent,
  base: Tree,
  destination: string,
  namespace: OverlayNamespace,
): Promise<LayerDirectory> {
  const writer = new FormWriter(layer, base, { path: destination, namespace });
  try {
    await writer.write();
  } catch (error) {
    throw storeFailure(error, 'cannot unpack a layer');
  } finally {
    writer.close();
  }
  return { path: destination, namespace };
}

/** Changes are handed on in portions so that memory stays flat. */
const portion = 8192;

/** Hard links to hard links: more of them in a row are a circle. */
const mostHops = 40;

class FormWriter {
  readonly #files = new BodyFiles();
  readonly #turns = new Turns();
  readonly #groups = new Map<LinkGroup, string>();
  readonly #folders: [path: string, folder: ChangesetDirectory][] = [];
  readonly #late: [path: string, link: HardLink][] = [];
  #devices: [path: string, device: Device][] = [];
  #whiteouts: string[] = [];
  #changes: AttributeChange[] = [];

  constructor(
    private readonly layer: LayerContent,
    private readonly base: Tree,
    private readonly directory: LayerDirectory,
  ) {}

  close(): void {
    this.#files.close();
  }

  async write(): Promise<void> {
    const { changeset } = this.layer;
    makeRoot(this.directory.path);
    for (const [path, entry] of walkChangeset(changeset)) {
      await this.#entry(path, entry);
      await this.#flush(portion);
      await this.#turns.pause();
    }
    await this.#flush(0);
    for (const [path, link] of this.#late) await this.#hardLink(path, link);
    await this.#flush(0);
    // From the deepest up: a directory's own mode may forbid reaching what is in it.
    for (const [path, folder] of this.#folders.reverse()) this.#finishFolder(path, folder);
    this.#finishFolder('', changeset);
    await applyAttributes(this.#changes);
  }

  async #entry(path: string, entry: ChangesetEntry): Promise<void> {
    switch (entry.kind) {
      case 'directory':
        mkdirSync(this.#host(path), 0o700);
        this.#folders.push([path, entry]);
        return;
      case 'file':
        return this.#file(path, entry);
      case 'symlink':
        return this.#symlink(path, entry);
      case 'hardlink':
        this.#late.push([path, entry]);
        return;
      case 'device':
        this.#devices.push([path, checkedDevice(path, entry)]);
        return;
      case 'whiteout':
        this.#whiteouts.push(path);
    }
  }

  async #file(path: string, file: File): Promise<void> {
    const first = file.links && this.#groups.get(file.links);
    if (first !== undefined) return linkSync(this.#host(first), this.#host(path));
    if (file.links !== undefined) this.#groups.set(file.links, path);
    const fd = openSync(this.#host(path), 'wx', 0o600);
    try {
      if (file.size > 0) await this.#content(fd, file, path);
      const { uid, gid, mode } = file.meta;
      if (!isOwn(uid, gid)) tolerant(() => fchownSync(fd, uid, gid));
      fchmodSync(fd, mode);
    } finally {
      closeSync(fd);
    }
    this.#change(path, file.meta);
  }

  async #content(fd: number, file: File, path: string): Promise<void> {
    const body = await this.layer.bodies(file);
    const source = this.#files.open(body);
    try {
      if (await copyVerified(source, fd, { file, turns: this.#turns })) return;
    } finally {
      source.close();
    }
    throw new TsbuildError('store', `the content of ${quoted(path)} is not what it was when it was recorded`);
  }

  #symlink(path: string, { meta, target }: Symlink): void {
    symlinkSync(bytePath(target), this.#host(path));
    if (!isOwn(meta.uid, meta.gid)) tolerant(() => lchownSync(this.#host(path), meta.uid, meta.gid));
    this.#change(path, meta);
  }

  /** Overlayfs cannot link to a lower layer: what is not in this layer is copied. */
  async #hardLink(path: string, { target }: HardLink, hops = 0): Promise<void> {
    const inside = entryAt(this.layer.changeset, namesOf(target));
    if (typeof inside === 'object' && inside.kind !== 'directory') {
      if (inside.kind !== 'hardlink') return linkSync(this.#host(target), this.#host(path));
      if (hops < mostHops) return this.#hardLink(path, inside, hops + 1);
    }
    const node = lookup(this.base, target);
    if (node === undefined || node.kind === 'directory') {
      throw new TsbuildError(
        'archive',
        `hard link ${quoted(path)} points to ${quoted(target)}, which is no file`,
      );
    }
    await this.#entry(path, node.kind === 'file' ? { ...node, links: undefined } : node);
  }

  #finishFolder(path: string, folder: ChangesetDirectory): void {
    const meta = folder.meta ?? this.#implicit(path);
    const host = this.#host(path);
    if (!isOwn(meta.uid, meta.gid)) tolerant(() => lchownSync(host, meta.uid, meta.gid));
    chmodSync(host, meta.mode);
    this.#change(
      path,
      meta,
      folder.opaque && path !== '' ? [[opaqueXattr(this.directory.namespace), Buffer.from('y')]] : [],
    );
  }

  #implicit(path: string): Metadata {
    const node = lookup(this.base, path);
    return node?.kind === 'directory' ? node.meta : implicitMetadata;
  }

  #change(path: string, meta: Metadata, more: readonly (readonly [string, Uint8Array])[] = []): void {
    const kept = [...(meta.xattrs ?? [])].filter(([name]) => this.#isSettable(name));
    const xattrs = kept.length + more.length === 0 ? undefined : new Map([...kept, ...more]);
    this.#changes.push({
      path: this.#at(path),
      mtime: meta.mtime,
      ...(xattrs === undefined ? {} : { xattrs }),
    });
  }

  #isSettable(name: string): boolean {
    if (!isLayerXattr(name)) return false;
    if (this.directory.namespace === 'trusted' || name === capabilityXattr) return true;
    return !name.startsWith('trusted.') && !name.startsWith('security.');
  }

  async #flush(limit: number): Promise<void> {
    if (this.#changes.length + this.#whiteouts.length + this.#devices.length <= limit) return;
    await makeWhiteouts(
      this.#whiteouts.map((path) => this.#at(path)),
      this.directory.namespace,
    );
    this.#whiteouts = [];
    await this.#makeDevices(this.#devices);
    this.#devices = [];
    await applyAttributes(this.#changes);
    this.#changes = [];
  }

  async #makeDevices(devices: readonly (readonly [string, Device])[]): Promise<void> {
    const allowed = devices.filter(
      ([, { type }]) => type === 'fifo' || this.directory.namespace === 'trusted',
    );
    await makeNodes(
      allowed.map(([path, { type, major, minor, meta }]) => ({
        path: this.#at(path),
        type,
        mode: meta.mode,
        major,
        minor,
      })),
    );
    for (const [path, { meta }] of allowed) {
      const host = this.#host(path);
      if (!isOwn(meta.uid, meta.gid)) {
        tolerant(() => lchownSync(host, meta.uid, meta.gid));
        chmodSync(host, meta.mode);
      }
      this.#change(path, meta);
    }
  }

  #at(path: string): string {
    return path === '' ? this.directory.path : `${this.directory.path}/${path}`;
  }

  #host(path: string): Buffer {
    return bytePath(this.#at(path));
  }
}

function makeRoot(path: string): void {
  try {
    mkdirSync(bytePath(path), 0o700);
  } catch (error) {
    if (errnoCode(error) !== 'EEXIST') throw error;
  }
}

/** What is made belongs to the process already. */
function isOwn(uid: number, gid: number): boolean {
  return uid === process.geteuid?.() && gid === process.getegid?.();
}

/** Owners that a user namespace does not map, or that another user than root cannot give, are kept in the changeset only. */
function tolerant(chown: () => void): void {
  try {
    chown();
  } catch (error) {
    const code = errnoCode(error);
    if (code !== 'EINVAL' && !(code === 'EPERM' && process.geteuid?.() !== 0)) throw error;
  }
}

function checkedDevice(path: string, device: Device): Device {
  const { type, major, minor } = device;
  if (type === 'char' && major === 0 && minor === 0) {
    throw new TsbuildError(
      'archive',
      `${quoted(path)} is a character device 0:0, which overlayfs takes for a whiteout`,
    );
  }
  // The kernel's own limits; larger numbers would silently name another device.
  if (major > 0xfff || minor > 0xfffff) {
    throw new TsbuildError('archive', `device ${major}:${minor} of ${quoted(path)} does not exist on Linux`);
  }
  return device;
}
