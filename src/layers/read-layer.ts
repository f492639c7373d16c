import { createHash, hash as hashOnce } from 'node:crypto';
import { finishDigest, type Digest, type DiffID } from '../oci/digest.js';
import { TsbuildError } from '../util/errors.js';
import { pathComponents, shown } from './archive-path.js';
import { ChangesetBuilder } from './changeset-builder.js';
import { isLayerXattr } from './overlay-format.js';
import type { TarEntry } from './tar/entry.js';
import { readTar, type TarItem } from './tar/read.js';
import type { Body, Changeset, File, Metadata, SparseExtent } from './types.js';

/** What one pass over an uncompressed layer tells. Offsets count from the beginning of the tar. */
export interface LayerIndex {
  readonly changeset: Changeset;
  /** Where the bytes of a content begin; they are stored in one piece. */
  readonly bodies: ReadonlyMap<Digest, number>;
  /** Contents that are stored with holes left out, and therefore are no range of the tar. */
  readonly sparse: ReadonlyMap<Digest, SparseContent>;
  /** Digest of all bytes, those behind the end of the archive included. */
  readonly diffId: DiffID;
  /** All bytes. */
  readonly size: number;
}

/** The extents are stored one after the other from `offset` on; what they leave out is zeros. */
export interface SparseContent {
  readonly offset: number;
  readonly size: number;
  readonly extents: readonly SparseExtent[];
}

/** Where the uncompressed tar at `path` (a byte string) holds a file's bytes; undefined when it does not. */
export function bodyInTar(
  { bodies, sparse }: Pick<LayerIndex, 'bodies' | 'sparse'>,
  path: string,
  { digest, size }: File,
): Body | undefined {
  const offset = bodies.get(digest);
  if (offset !== undefined) return { kind: 'range', path, offset, size };
  const content = sparse.get(digest);
  return content && { kind: 'sparse', path, ...content };
}

/** Limits of one archive against bombs. */
const limits = { entries: 5_000_000, bytes: 50 * 2 ** 30, xattrs: 128, xattrBytes: 65_536 };

/**
 * Reads an uncompressed layer once, in flat memory. Whiteouts (image-spec layer.md) become entries of the changeset; files
 * of aufs (`.wh..wh.*`) and attributes of overlayfs and SELinux are dropped. The root's own entry is ignored, as by
 * containerd. Throws `archive` for archives that Go refuses, for what could be taken for a whiteout (a 0:0 character
 * device), and beyond the limits.
 */
export function readLayer(tar: AsyncIterable<Uint8Array>): Promise<LayerIndex> {
  return readIndex(tar, 'layer');
}

/**
 * Reads an archive that ADD unpacks or that is a build context: names that begin with `.wh.` are plain names, and `user.*`
 * attributes are dropped, as by BuildKit.
 */
export function readArchive(tar: AsyncIterable<Uint8Array>): Promise<LayerIndex> {
  return readIndex(tar, 'archive');
}

type Purpose = 'layer' | 'archive';

async function readIndex(tar: AsyncIterable<Uint8Array>, purpose: Purpose): Promise<LayerIndex> {
  const whole = createHash('sha256');
  let size = 0;
  const onChunk = (chunk: Buffer): void => {
    whole.update(chunk);
    size += chunk.length;
  };
  const collector = new Collector(purpose);
  for await (const item of readTar(tar, { onChunk })) await collector.take(item);
  const { bodies, sparse } = collector;
  const changeset = collector.builder.finish();
  return { changeset, bodies, sparse, diffId: finishDigest(whole) as DiffID, size };
}

class Collector {
  readonly builder = new ChangesetBuilder();
  readonly bodies = new Map<Digest, number>();
  readonly sparse = new Map<Digest, SparseContent>();
  #entries = 0;
  #bytes = 0;

  constructor(private readonly purpose: Purpose) {}

  async take(item: TarItem): Promise<void> {
    const { entry } = item;
    this.#count(entry);
    const path = pathComponents(entry.name);
    if (path.length === 0) return;
    if (this.purpose === 'layer' && this.#takeWhiteout(path)) return;
    const meta = metadataOf(entry, this.purpose);
    switch (entry.type) {
      case 'directory':
        return this.builder.addDirectory(path, meta);
      case 'file': {
        const digest = await this.#digest(item);
        return this.builder.add(path, { kind: 'file', meta, size: entry.size, digest });
      }
      case 'symlink':
        return this.builder.add(path, { kind: 'symlink', meta, target: linkTarget(entry) });
      case 'hardlink':
        return this.builder.addHardLink(path, this.#hardLinkTarget(entry));
      case 'char':
      case 'block':
      case 'fifo': {
        const { type, devmajor: major, devminor: minor } = entry;
        refuseWhiteoutDevice(entry);
        return this.builder.add(path, { kind: 'device', type, meta, major, minor });
      }
      case 'other':
        throw new TsbuildError(
          'archive',
          `${shown(entry.name)} has the unknown type ${JSON.stringify(entry.flag)}`,
        );
    }
  }

  #count({ size }: TarEntry): void {
    this.#bytes += size;
    if (++this.#entries > limits.entries) {
      throw new TsbuildError('archive', `the archive has more than ${limits.entries} members`);
    }
    if (this.#bytes > limits.bytes)
      throw new TsbuildError('archive', 'the archive unpacks to more than 50 GiB');
  }

  /** Whether the path was a whiteout or something of aufs. Throws `archive` for a whiteout of nothing. */
  #takeWhiteout(path: readonly string[]): boolean {
    if (!path.some((name) => name.startsWith('.wh.'))) return false;
    const parent = path.slice(0, -1);
    const name = path.at(-1) ?? '';
    if (parent.some((component) => component.startsWith('.wh..wh.'))) return true;
    if (name === '.wh..wh..opq') this.builder.makeOpaque(checkedParent(parent));
    else if (name.startsWith('.wh.') && !name.startsWith('.wh..wh.')) {
      const hidden = name.slice('.wh.'.length);
      if (['', '.', '..'].includes(hidden))
        throw new TsbuildError('archive', `invalid whiteout ${shown(path.join('/'))}`);
      this.builder.hide(checkedParent(parent), hidden);
    } else checkedParent(parent);
    return true;
  }

  #hardLinkTarget({ name, linkname }: TarEntry): string {
    const target = pathComponents(linkname);
    const hidden = target.some((component) => component.startsWith('.wh.'));
    if (target.length === 0 || (this.purpose === 'layer' && hidden)) {
      throw new TsbuildError('archive', `hard link ${shown(name)} points to ${shown(linkname)}`);
    }
    return target.join('/');
  }

  async #digest({ content, extents, dataOffset, entry }: TarItem): Promise<Digest> {
    const digest = await digestOfContent(content);
    if (extents === undefined) {
      if (!this.bodies.has(digest)) this.bodies.set(digest, dataOffset);
    } else this.sparse.set(digest, { offset: dataOffset, size: entry.size, extents });
    return digest;
  }
}

async function digestOfContent(content: TarItem['content']): Promise<Digest> {
  const whole = content.tryWhole();
  if (whole !== undefined) return `sha256:${hashOnce('sha256', whole, 'hex')}` as Digest;
  const hash = createHash('sha256');
  await content.forEach((chunk) => hash.update(chunk));
  return finishDigest(hash);
}

function checkedParent(parent: readonly string[]): readonly string[] {
  const marker = parent.find((name) => name.startsWith('.wh.'));
  if (marker === undefined) return parent;
  throw new TsbuildError('archive', `${shown(parent.join('/'))} is a whiteout and has something below it`);
}

function linkTarget({ name, linkname }: TarEntry): string {
  if (linkname !== '') return linkname;
  throw new TsbuildError('archive', `symbolic link ${shown(name)} has no target`);
}

/** Overlayfs takes 0:0 character devices for whiteouts: a layer could hide files that scanners see. */
function refuseWhiteoutDevice({ name, type, devmajor, devminor }: TarEntry): void {
  if (type !== 'char' || devmajor !== 0 || devminor !== 0) return;
  throw new TsbuildError(
    'archive',
    `${shown(name)} is a character device 0:0, which overlayfs takes for a whiteout`,
  );
}

/** Every link is shown with mode 0777 by Linux, whatever its header says. */
function metadataOf(entry: TarEntry, purpose: Purpose): Metadata {
  const { uid, gid, mtime } = entry;
  const mode = entry.type === 'symlink' ? 0o777 : entry.mode;
  const xattrs = entry.xattrs.size === 0 ? undefined : keptXattrs(entry, purpose);
  return xattrs === undefined ? { mode, uid, gid, mtime } : { mode, uid, gid, mtime, xattrs };
}

function keptXattrs(entry: TarEntry, purpose: Purpose): ReadonlyMap<string, Uint8Array> | undefined {
  const kept = [...entry.xattrs]
    .filter(([name]) => isLayerXattr(name) && !(purpose === 'archive' && name.startsWith('user.')))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  if (kept.length > limits.xattrs || kept.some(([, value]) => value.length > limits.xattrBytes)) {
    throw new TsbuildError('archive', `${shown(entry.name)} has too many or too large extended attributes`);
  }
  return kept.length === 0 ? undefined : new Map(kept);
}
