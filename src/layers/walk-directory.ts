import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, type BigIntStats } from 'node:fs';
import type { Digest } from '../oci/digest.js';
import { readXattrs } from '../sys/xattrs.js';
import { bytePath } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';
import { openFlags } from './body-file.js';
import { capabilityXattr, portableCapability } from './file-capability.js';
import { hashOpenFile } from './hash-file.js';
import { isLayerXattr, opaqueXattr, plainWhiteoutXattr } from './overlay-format.js';
import { quoted } from './path.js';
import { deviceOf, fileType, type FileType } from './stat.js';
import { Turns } from './turns.js';
import type {
  Body,
  Changeset,
  ChangesetDirectory,
  ChangesetEntry,
  File,
  LayerDirectory,
  LinkGroup,
  Metadata,
} from './types.js';

/** What an overlay directory on disk says, and where the bytes of its files are. */
export interface DirectoryForm {
  readonly changeset: Changeset;
  /** Finds files by content, so files with other metadata are found too. Throws `store` for a content it does not hold. */
  readonly path: (file: File) => Body;
}

/**
 * Reads a layer in overlayfs's form, such as a step's upper directory: 0:0 character devices are whiteouts, an `opaque`
 * attribute in the layer's namespace makes a directory hide what is below. Every file is hashed. Nobody may write meanwhile.
 * Attributes of overlayfs and SELinux and sockets are left out. Throws `sandbox` for a directory whose content
 * overlayfs keeps elsewhere (redirect, metacopy), which our mounts never make.
 */
export async function readDirectoryForm(directory: LayerDirectory): Promise<DirectoryForm> {
  const turns = new Turns();
  const root = await list(directory.path, turns);
  const xattrs = await readXattrs(pathsOf(root));
  const reader = new FormReader(directory, xattrs, turns);
  const changeset = await reader.directory(root);
  return {
    changeset,
    path: ({ digest }) => {
      const path = reader.paths.get(digest);
      if (path !== undefined) return { kind: 'path', path };
      throw new TsbuildError('store', `content ${digest} is not in ${quoted(directory.path)}`);
    },
  };
}

/** What the walk keeps of one entry. */
interface Seen {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly stat: BigIntStats;
  readonly type: FileType;
  readonly children: Seen[];
}

/** Lists everything below `top`, in no particular order. */
async function list(top: string, turns: Turns): Promise<Seen> {
  const root = look('', top);
  const pending = [root];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const name of readdirSync(bytePath(folder.path), { encoding: 'buffer' })) {
      const child = look(name.toString('latin1'), `${folder.path}/${name.toString('latin1')}`);
      if (child.type === 'socket') continue;
      folder.children.push(child);
      if (child.type === 'directory') pending.push(child);
    }
    await turns.pause();
  }
  return root;
}

function look(name: string, path: string): Seen {
  const stat = lstatSync(bytePath(path), { bigint: true });
  return { name, path, stat, type: fileType(stat), children: [] };
}

function pathsOf(root: Seen): string[] {
  const paths: string[] = [];
  const pending = [root];
  for (let seen = pending.pop(); seen !== undefined; seen = pending.pop()) {
    paths.push(seen.path);
    pending.push(...seen.children);
  }
  return paths;
}

type Xattrs = Awaited<ReturnType<typeof readXattrs>>;

class FormReader {
  readonly paths = new Map<Digest, string>();
  /** Files with several names by inode. */
  readonly #linked = new Map<string, File>();

  constructor(
    private readonly layer: LayerDirectory,
    private readonly xattrs: Xattrs,
    private readonly turns: Turns,
  ) {}

  async directory(seen: Seen): Promise<ChangesetDirectory> {
    const entries = new Map<string, ChangesetEntry>();
    const children = seen.children.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const child of children) {
      entries.set(
        child.name,
        child.type === 'directory' ? await this.directory(child) : await this.#leaf(child),
      );
    }
    return { kind: 'directory', meta: this.#meta(seen), opaque: this.#isOpaque(seen), entries };
  }

  async #leaf(seen: Seen): Promise<ChangesetEntry> {
    const { stat, path } = seen;
    if (this.#isPlainWhiteout(seen)) return { kind: 'whiteout' };
    if (seen.type === 'file') return this.#file(seen);
    if (seen.type === 'symlink') {
      const target = readlinkSync(bytePath(path), { encoding: 'buffer' }).toString('latin1');
      return { kind: 'symlink', meta: this.#meta(seen), target };
    }
    const { major, minor } = deviceOf(stat.rdev);
    if (seen.type === 'char' && stat.rdev === 0n) return { kind: 'whiteout' };
    const type = seen.type === 'char' || seen.type === 'block' ? seen.type : 'fifo';
    return { kind: 'device', type, meta: this.#meta(seen), major, minor };
  }

  async #file(seen: Seen): Promise<File> {
    const key = seen.stat.nlink > 1n ? `${seen.stat.dev}:${seen.stat.ino}` : undefined;
    const known = key === undefined ? undefined : this.#linked.get(key);
    if (known !== undefined) return known;
    const digest = await this.#hash(seen);
    const plain: File = { kind: 'file', meta: this.#meta(seen), size: Number(seen.stat.size), digest };
    if (key === undefined) return plain;
    const file: File = { ...plain, links: newGroup() };
    this.#linked.set(key, file);
    return file;
  }

  async #hash({ path, stat }: Seen): Promise<Digest> {
    const fd = openSync(bytePath(path), openFlags);
    try {
      const digest = await hashOpenFile(fd, Number(stat.size), this.turns);
      if (digest === undefined)
        throw new TsbuildError('sandbox', `${quoted(path)} changed after its step had ended`);
      if (!this.paths.has(digest)) this.paths.set(digest, path);
      await this.turns.pause();
      return digest;
    } finally {
      closeSync(fd);
    }
  }

  #isPlainWhiteout({ type, path }: Seen): boolean {
    if (this.layer.namespace !== 'plain' || type !== 'file') return false;
    return this.xattrs.get(path)?.has(plainWhiteoutXattr) ?? false;
  }

  #isOpaque(seen: Seen): boolean {
    const value = this.xattrs.get(seen.path)?.get(opaqueXattr(this.layer.namespace));
    return value !== undefined && Buffer.from(value).toString('latin1') === 'y';
  }

  #meta(seen: Seen): Metadata {
    const { mode, uid, gid, mtimeNs } = seen.stat;
    const basic = { mode: Number(mode) & 0o7777, uid: Number(uid), gid: Number(gid), mtime: mtimeNs };
    const xattrs = this.#keptXattrs(seen);
    return xattrs === undefined ? basic : { ...basic, xattrs };
  }

  #keptXattrs({ path }: Seen): ReadonlyMap<string, Uint8Array> | undefined {
    const all = this.xattrs.get(path);
    if (all === undefined) return undefined;
    for (const kind of ['redirect', 'metacopy']) {
      if (all.has(`${this.layer.namespace}.overlay.${kind}`)) {
        throw new TsbuildError(
          'sandbox',
          `overlayfs keeps the content of ${quoted(path)} elsewhere (${kind})`,
        );
      }
    }
    const kept = [...all]
      .filter(([name]) => isLayerXattr(name))
      .map(([name, value]) => [name, name === capabilityXattr ? portableCapability(value) : value] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return kept.length === 0 ? undefined : new Map(kept);
  }
}

function newGroup(): LinkGroup {
  return {};
}
