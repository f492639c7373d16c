import { hexOf, isDigest, digestOf, type Digest, type DiffID } from '../oci/digest.js';
import { compressionOf, layerMediaType, type Compression } from '../oci/media-types.js';
import type { Descriptor } from '../oci/types.js';
import type { BlobWriter } from '../store/blob-writer.js';
import { fromByteString, toByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';
import { once } from '../util/once.js';
import { serialiseChangeset } from './changeset-json.js';
import { ChangesetReader } from './changeset-reader.js';
import { decompress, gzipParallel } from './compression.js';
import { implicitParents, walkChangeset } from './changeset.js';
import type { Layer, LayerRef, RemoteBlob } from './layer.js';
import type { LayerStoreOptions } from './layer-store.js';
import { materialise } from './materialise.js';
import { packLayer } from './pack.js';
import { bodyInTar, readLayer, type LayerIndex } from './read-layer.js';
import { bodyLines, parseBodyLines, type BodyIndex } from './body-lines.js';
import { emptyChangeset, lookup } from './tree.js';
import type { Body, BodySource, Changeset, File, LayerDirectory, Tree } from './types.js';

/** What a layer made in this process starts from; a layer without one is read from the store. */
export type Origin =
  | { readonly kind: 'changeset'; readonly changeset: Changeset; readonly bodies: BodySource }
  | { readonly kind: 'upper'; readonly changeset: Changeset; readonly upper: LayerDirectory };

interface Plain {
  readonly diffId: DiffID;
  readonly size: number;
}

/**
 * A layer whose forms live in the store:
 * `changesets/<id>` lines, `directories/<id>-…`, blobs by digest, and small records that tie them to the id.
 */
export class StoredLayer implements Layer {
  readonly #hex: string;
  /** Remembered once known: a tar does not change. */
  #packed: Plain | undefined;

  constructor(
    private readonly options: LayerStoreOptions,
    readonly ref: LayerRef,
    private readonly origin: Origin | undefined,
  ) {
    this.#hex = hexOf(ref.id);
  }

  /** Whether it was made by this process, which so has all its bytes. */
  get isMade(): boolean {
    return this.origin !== undefined;
  }

  readonly changeset = once(async (): Promise<Changeset> => {
    if (this.ref.empty) return emptyChangeset;
    if (this.origin !== undefined) return this.origin.changeset;
    const kept = await this.#keptChangeset();
    if (kept !== undefined) return kept;
    const { changeset } = await this.#readBlob();
    await this.#records('changesets').putLines(this.#hex, serialiseChangeset(changeset));
    return changeset;
  });

  /** Makes what the cache needs to find this layer again outlive the process. */
  readonly keep = once(async (): Promise<void> => {
    if (this.ref.empty) return;
    if (this.origin?.kind === 'upper') await this.#adoptUpper(this.origin.upper);
    if (this.origin !== undefined) {
      await this.#records('changesets').putLines(this.#hex, serialiseChangeset(this.origin.changeset));
    }
  });

  async directory(base: Tree): Promise<LayerDirectory> {
    const namespace = await this.options.namespace();
    const adopted = await this.#directories.get(`${this.#hex}-${namespace}`);
    if (adopted !== undefined) return { path: adopted, namespace };
    const changeset = await this.changeset();
    const name = `${this.#hex}-${namespace}-${parentsKey(base, changeset)}`;
    const path =
      (await this.#directories.get(name)) ??
      (await this.#directories.create(name, async (destination) => {
        const bodies = await this.#bodySource();
        await materialise({ changeset, bodies }, base, destination, namespace);
      }));
    await this.#records(`layer-directory-${namespace}`).put(this.#hex, { directory: name });
    return { path, namespace };
  }

  async diffId(): Promise<DiffID> {
    if (await this.#remote()) return this.ref.id as unknown as DiffID;
    return (await this.#knownPlain())?.diffId ?? (await this.#plain()).diffId;
  }

  async blob(compression: Compression): Promise<Descriptor> {
    const remote = await this.#compressedRemote();
    if (remote !== undefined) return this.#localBlob(remote);
    if (compression === 'none') {
      const { diffId, size } = await this.#plain();
      return { mediaType: layerMediaType('none'), digest: diffId, size };
    }
    const known = await this.knownBlob(compression);
    if (known !== undefined && (await this.#blobs.has(known.descriptor.digest))) return known.descriptor;
    return this.#compress(compression);
  }

  async knownBlob(compression: Compression): Promise<RemoteBlob | undefined> {
    const remote = await this.#compressedRemote();
    if (remote !== undefined) return remote;
    if (compression === 'none') {
      const plain = await this.#knownPlain();
      return (
        plain && { descriptor: { mediaType: layerMediaType('none'), digest: plain.diffId, size: plain.size } }
      );
    }
    const plain = await this.#knownPlain();
    return plain && asRemoteBlob(await this.#records(`layer-${compression}`).get(hexOf(plain.diffId)));
  }

  async body(file: File): Promise<Body | undefined> {
    if (!(await this.#contents()).has(file.digest)) return undefined;
    return (await this.#bodySource())(file);
  }

  async available(): Promise<boolean> {
    if (this.origin !== undefined) return true;
    const plain = await this.#knownPlain();
    if (plain !== undefined && (await this.#blobs.has(plain.diffId)) !== undefined) return true;
    const remote = await this.#remote();
    if (remote !== undefined) {
      return (
        remote.repository !== undefined || (await this.#blobs.has(remote.descriptor.digest)) !== undefined
      );
    }
    const directory = await this.#anyDirectory();
    return directory !== undefined && this.#records('changesets').getLines(this.#hex) !== undefined;
  }

  /** Undefined when there is none or it is damaged: the blob has it too. */
  async #keptChangeset(): Promise<Changeset | undefined> {
    const lines = this.#records('changesets').getLines(this.#hex);
    try {
      return lines && (await readChangeset(lines));
    } catch (error) {
      if (error instanceof TsbuildError && (await this.#knownPlain()) !== undefined) return undefined;
      throw error;
    }
  }

  get #blobs() {
    return this.options.store.blobs;
  }

  get #directories() {
    return this.options.store.directories;
  }

  #records(bucket: string) {
    return this.options.store.records(bucket);
  }

  /** Digests of all file contents of the layer. */
  readonly #contents = once(async (): Promise<ReadonlySet<Digest>> => {
    const digests = new Set<Digest>();
    for (const [, entry] of walkChangeset(await this.changeset())) {
      if (entry.kind === 'file') digests.add(entry.digest);
    }
    return digests;
  });

  readonly #remote = once(async () => asRemoteBlob(await this.#records('layer-remote').get(this.#hex)));

  /** The blob of a pulled layer, unless it is a plain tar, which is compressed when a target wants that. */
  async #compressedRemote(): Promise<RemoteBlob | undefined> {
    const remote = await this.#remote();
    return remote !== undefined && compressionOf(remote.descriptor.mediaType) === 'none' ? undefined : remote;
  }

  async #knownPlain(): Promise<Plain | undefined> {
    this.#packed ??= await this.#findPlain();
    return this.#packed;
  }

  async #findPlain(): Promise<Plain | undefined> {
    const remote = await this.#remote();
    if (remote !== undefined && compressionOf(remote.descriptor.mediaType) === 'none') {
      return { diffId: remote.descriptor.digest as DiffID, size: remote.descriptor.size };
    }
    const value = await this.#records('layer-diffid').get(this.#hex);
    if (typeof value !== 'object' || value === null) return undefined;
    const { diffId, size } = value as { diffId?: unknown; size?: unknown };
    return isDigest(diffId) && typeof size === 'number' ? { diffId: diffId as DiffID, size } : undefined;
  }

  /** The uncompressed tar, in the blob store. */
  readonly #plain = once(async (): Promise<Plain> => {
    const known = await this.#knownPlain();
    if (known !== undefined && (await this.#blobs.has(known.diffId))) return known;
    const remote = await this.#remote();
    if (remote !== undefined && known !== undefined) {
      await this.#localBlob(remote);
      return known;
    }
    const writer = await this.#blobs.writer();
    try {
      const packed = await this.#writePlain(writer);
      await writer.commit({ digest: packed.diffId, size: packed.size });
      await this.#records('layer-bodies').putLines(hexOf(packed.diffId), bodyLines(packed));
      const plain = { diffId: packed.diffId, size: packed.size };
      await this.#records('layer-diffid').put(this.#hex, plain);
      return plain;
    } finally {
      await writer.abort();
    }
  });

  async #writePlain(writer: BlobWriter): Promise<Plain & BodyIndex> {
    if (await this.#remote()) return this.#readBlob((chunk) => writer.write(chunk));
    const changeset = await this.changeset();
    const packed = await packLayer(changeset, await this.#bodySource(), (chunk) => writer.write(chunk));
    return { ...packed, sparse: new Map() };
  }

  /** Streams a pulled layer's blob once; its DiffID must be the one that the image's config promised. */
  async #readBlob(tee?: (chunk: Uint8Array) => void | Promise<void>): Promise<LayerIndex> {
    const remote = (await this.#remote()) ?? (await this.knownBlob('none'));
    if (remote === undefined) {
      throw new TsbuildError('store', `layer ${this.ref.id} is no longer in the store`);
    }
    const descriptor = await this.#localBlob(remote);
    const compressed = this.#blobs.open(descriptor.digest, descriptor.size);
    const plain = decompress(compressed, compressionOf(descriptor.mediaType) ?? 'none');
    const index = await readLayer(tee === undefined ? plain : teeChunks(plain, tee));
    if (hexOf(index.diffId) === this.#hex) return index;
    throw new TsbuildError(
      'image',
      `layer ${descriptor.digest} unpacks to ${index.diffId}, its image promised ${this.ref.id}`,
    );
  }

  async #localBlob(remote: RemoteBlob): Promise<Descriptor> {
    const { digest, size } = remote.descriptor;
    if (await this.#blobs.has(digest)) return remote.descriptor;
    const writer = await this.#blobs.writer();
    try {
      for await (const chunk of this.options.fetch(remote)) await writer.write(chunk);
      await writer.commit({ digest, size });
    } finally {
      await writer.abort();
    }
    return remote.descriptor;
  }

  async #compress(compression: Compression): Promise<Descriptor> {
    if (compression !== 'gzip')
      throw new TsbuildError('unsupported', `layers cannot be compressed with ${compression} yet`);
    const { diffId, size } = await this.#plain();
    const writer = await this.#blobs.writer();
    try {
      for await (const chunk of gzipParallel(this.#blobs.open(diffId, size), {})) await writer.write(chunk);
      const descriptor = { mediaType: layerMediaType(compression), ...(await writer.commit()) };
      await this.#records(`layer-${compression}`).put(hexOf(diffId), { descriptor });
      return descriptor;
    } finally {
      await writer.abort();
    }
  }

  readonly #bodySource = once(async (): Promise<BodySource> => {
    if (this.origin?.kind === 'changeset') return this.origin.bodies;
    const directory = await this.#anyDirectory();
    if (directory !== undefined) return directoryBodies(await this.changeset(), directory);
    // Without any of its forms #plain would wait for these bodies.
    if (!(await this.available())) {
      throw new TsbuildError('store', `layer ${this.ref.id} is no longer in the store`);
    }
    const { diffId } = await this.#plain();
    const index = await this.#bodyIndex(diffId);
    const path = toByteString(this.#blobs.path(diffId));
    return (file) => {
      const body = bodyInTar(index, path, file);
      if (body !== undefined) return body;
      throw new TsbuildError('store', `the content ${file.digest} is not in layer ${diffId}`);
    };
  });

  async #bodyIndex(diffId: DiffID): Promise<BodyIndex> {
    const lines = this.#records('layer-bodies').getLines(hexOf(diffId));
    if (lines !== undefined) return parseBodyLines(lines);
    const index = await readLayer(this.#blobs.open(diffId));
    await this.#records('layer-bodies').putLines(hexOf(diffId), bodyLines(index));
    return index;
  }

  /** A directory form, whatever tree it was made for: its files have the layer's contents. */
  async #anyDirectory(): Promise<LayerDirectory | undefined> {
    const namespace = await this.options.namespace();
    const record = await this.#records(`layer-directory-${namespace}`).get(this.#hex);
    const made =
      typeof record === 'object' && record !== null && 'directory' in record ? record.directory : undefined;
    const name = typeof made === 'string' ? made : `${this.#hex}-${namespace}`;
    const path = await this.#directories.get(name);
    return path === undefined ? undefined : { path, namespace };
  }

  async #adoptUpper({ path, namespace }: LayerDirectory): Promise<void> {
    await this.#directories.adopt(`${this.#hex}-${namespace}`, path);
  }
}

async function readChangeset(lines: AsyncIterable<string>): Promise<Changeset> {
  const reader = new ChangesetReader();
  for await (const line of lines) reader.add(JSON.parse(line));
  return reader.end();
}

function directoryBodies(changeset: Changeset, directory: LayerDirectory): BodySource {
  const paths = new Map<Digest, string>();
  for (const [path, entry] of walkChangeset(changeset)) {
    if (entry.kind === 'file') paths.set(entry.digest, path);
  }
  return ({ digest }) => {
    const path = paths.get(digest);
    if (path === undefined)
      throw new TsbuildError('store', `content ${digest} is not in ${fromByteString(directory.path)}`);
    return { kind: 'path', path: `${directory.path}/${path}` };
  };
}

/** A directory form depends on the base only by the metadata of the parents that the layer does not record. */
function parentsKey(base: Tree, changeset: Changeset): string {
  const parts = implicitParents(changeset).map((path) => {
    const meta = lookup(base, path)?.meta;
    const xattrs = [...(meta?.xattrs ?? [])].map(([name, value]) => [
      name,
      Buffer.from(value).toString('base64'),
    ]);
    return [path, meta?.mode, meta?.uid, meta?.gid, meta?.mtime.toString(), xattrs];
  });
  return hexOf(digestOf(JSON.stringify(parts))).slice(0, 16);
}

function asRemoteBlob(value: unknown): RemoteBlob | undefined {
  if (typeof value !== 'object' || value === null || !('descriptor' in value)) return undefined;
  const { descriptor } = value as RemoteBlob;
  return isDigest(descriptor.digest) && typeof descriptor.size === 'number'
    ? (value as RemoteBlob)
    : undefined;
}

async function* teeChunks(
  source: AsyncIterable<Uint8Array>,
  tee: (chunk: Uint8Array) => void | Promise<void>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    await tee(chunk);
    yield chunk;
  }
}
