import { hexOf, isDigest, type Digest, type DiffID } from '../oci/digest.js';
import { compressionOf, layerMediaType, type Compression } from '../oci/media-types.js';
import type { Descriptor } from '../oci/types.js';
import type { BlobWriter } from '../store/blob-writer.js';
import { toByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';
import { once } from '../util/once.js';
import { parseChangeset, serialiseChangeset } from './changeset-json.js';
import { changesetIdentity } from './content-digest.js';
import { walkChangeset } from './changeset.js';
import {
  isLayerPlace,
  isRemoteBlob,
  type BlobOptions,
  type Layer,
  type LayerPlace,
  type LayerRef,
  type RemoteBlob,
} from './layer.js';
import type { LayerStoreOptions } from './layer-store.js';
import { isSound, sealDirectory } from './directory-seal.js';
import { damagedLayer, fromSound } from './from-sound.js';
import type { LayerIndex } from './read-layer.js';
import { directoryBodies, parentsKey, readChangeset, teeChunks, type Tee } from './stored-forms.js';
import { linesOf } from './byte-lines.js';
import { bodyLines, parseBodyLines, type BodyIndex } from './body-lines.js';
import { emptyChangeset } from './tree.js';
import type { Body, BodySource, Changeset, File, LayerDirectory, OverlayNamespace, Tree } from './types.js';

/** What a layer made in this process starts from; a layer without one is read from the store. */
export type Origin =
  | { readonly kind: 'changeset'; readonly changeset: Changeset; readonly bodies: BodySource }
  | { readonly kind: 'upper'; readonly changeset: Changeset; readonly upper: LayerDirectory };

/** Bucket of the places of layers that were not pulled, by layer id. */
export const placesBucket = 'layer-places';

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
    const changeset = (await this.#fetchChangeset()) ?? (await this.#readBlob()).changeset;
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
    const adopted = await this.#soundDirectory(`${this.#hex}-${namespace}`, namespace);
    if (adopted !== undefined) return { path: adopted, namespace };
    const changeset = await this.changeset();
    const name = `${this.#hex}-${namespace}-${parentsKey(base, changeset)}`;
    const path =
      (await this.#soundDirectory(name, namespace)) ??
      (await this.#directories.create(name, async (destination) => {
        const { materialise } = await import('./materialise.js');
        await this.#fromSound((bodies) => materialise({ changeset, bodies }, base, destination, namespace));
      }));
    await this.#seal(name, path);
    await this.#records(`layer-directory-${namespace}`).put(this.#hex, { directory: name });
    return { path, namespace };
  }

  async diffId(): Promise<DiffID> {
    if (await this.#remote()) return this.ref.id as unknown as DiffID;
    return (await this.#knownPlain())?.diffId ?? (await this.#plain()).diffId;
  }

  async plain(): Promise<Plain> {
    return (await this.#knownPlain()) ?? (await this.#plain());
  }

  async blob(compression: Compression, options: BlobOptions = {}): Promise<Descriptor> {
    const wanted = asWanted(compression, options);
    const remote = wanted(await this.#compressedRemote());
    if (remote !== undefined) return this.#localBlob(remote);
    const away = wanted((await this.#away())?.blob);
    if (away !== undefined) return this.#orLost(() => this.#localBlob(away));
    if (compression === 'none') {
      const { diffId, size } = await this.#plain();
      return { mediaType: layerMediaType('none'), digest: diffId, size };
    }
    const known = await this.knownBlob(compression, options);
    if (known !== undefined && (await this.#blobs.has(known.descriptor.digest))) return known.descriptor;
    return this.#compress(compression, options);
  }

  async knownBlob(compression: Compression, options: BlobOptions = {}): Promise<RemoteBlob | undefined> {
    const wanted = asWanted(compression, options);
    const remote = wanted(await this.#compressedRemote()) ?? wanted((await this.#away())?.blob);
    if (remote !== undefined) return remote;
    if (compression === 'none') {
      const plain = await this.#knownPlain();
      return (
        plain && { descriptor: { mediaType: layerMediaType('none'), digest: plain.diffId, size: plain.size } }
      );
    }
    const plain = await this.#knownPlain();
    const records = this.#compressedRecords(compression, options.level);
    const packed = plain && asRemoteBlob(await records.get(hexOf(plain.diffId)));
    const place = options.level === undefined ? (await this.#place())?.blob : undefined;
    // Equal bytes that a registry has need not be sent to it.
    if (place !== undefined && (packed === undefined || packed.descriptor.digest === place.descriptor.digest))
      return compressionOf(place.descriptor.mediaType) === compression ? place : packed;
    return packed;
  }

  async elsewhere(): Promise<RemoteBlob | undefined> {
    const remote = await this.#compressedRemote();
    if (remote !== undefined) return this.#isReachable(remote) ? remote : undefined;
    return (await this.#away())?.blob;
  }

  async body(file: File): Promise<Body | undefined> {
    if (!(await this.#contents()).has(file.digest)) return undefined;
    return (await this.#bodySource())(file);
  }

  /** Looked up once: every record of a chain of steps asks. What was not there may come. */
  async available(): Promise<boolean> {
    if (this.origin !== undefined || this.ref.empty) return true;
    this.#availability ??= this.#isAvailable();
    const available = await this.#availability;
    if (!available) this.#availability = undefined;
    return available;
  }

  #availability: Promise<boolean> | undefined;

  async #isAvailable(): Promise<boolean> {
    const plain = await this.#knownPlain();
    if (plain !== undefined && (await this.#blobs.has(plain.diffId)) !== undefined) return true;
    const remote = await this.#remote();
    if (remote !== undefined) {
      return this.#isReachable(remote) || (await this.#blobs.has(remote.descriptor.digest)) !== undefined;
    }
    const directory = await this.#anyDirectory();
    if (directory !== undefined && this.#records('changesets').getLines(this.#hex) !== undefined) return true;
    return (await this.#away()) !== undefined;
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

  async #place(): Promise<LayerPlace | undefined> {
    const place = await this.#records(placesBucket).get(this.#hex);
    return isLayerPlace(place) && this.#isReachable(place.blob) ? place : undefined;
  }

  /** The place of a layer that was not pulled and has none of its bytes here. */
  async #away(): Promise<LayerPlace | undefined> {
    if (this.origin !== undefined || (await this.#remote()) !== undefined) return undefined;
    const place = await this.#place();
    if (place === undefined || (await this.#blobs.has(place.diffId)) !== undefined) return undefined;
    return (await this.#anyDirectory()) === undefined ? place : undefined;
  }

  #isReachable(blob: RemoteBlob): boolean {
    return this.options.reachable?.(blob) ?? blob.repository !== undefined;
  }

  /** What a place promised and did not give is not asked for again: throws `store`, damaged. */
  async #orLost<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof TsbuildError) || error.code === 'cancelled') throw error;
      this.#availability = undefined;
      await this.#records(placesBucket).delete(this.#hex);
      this.options.onLost?.(this.ref.id);
      const message = `a layer of the cache cannot be used: ${error.message}`;
      throw new TsbuildError('store', message, { hint: error.hint, cause: error, damaged: true });
    }
  }

  /** The blob of a pulled layer, unless it is a plain tar, which is compressed when a target wants that. */
  async #compressedRemote(): Promise<RemoteBlob | undefined> {
    const remote = await this.#remote();
    return remote !== undefined && compressionOf(remote.descriptor.mediaType) === 'none' ? undefined : remote;
  }

  #compressedRecords(compression: Compression, level: number | undefined) {
    return this.#records(`layer-${compression}${level === undefined ? '' : `-${level}`}`);
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
    const value = (await this.#records('layer-diffid').get(this.#hex)) ?? (await this.#place());
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
    if ((await this.#remote()) ?? (await this.#away())) return this.#readBlob((chunk) => writer.write(chunk));
    const changeset = await this.changeset();
    const { packLayer } = await import('./pack.js');
    const packed = await this.#fromSound((bodies) =>
      packLayer(changeset, bodies, (chunk) => writer.write(chunk)),
    );
    return { ...packed, sparse: new Map() };
  }

  /** Streams the blob of a layer once. It must hold what its image or the layer's id promised. */
  async #readBlob(tee?: Tee): Promise<LayerIndex> {
    const away = await this.#away();
    if (away !== undefined) return this.#orLost(() => this.#readPlace(away, tee));
    const remote = (await this.#remote()) ?? (await this.knownBlob('none'));
    if (remote === undefined) throw this.#gone();
    const index = await this.#indexOf(remote, tee);
    const promised = (await this.#remote()) === undefined ? remote.descriptor.digest : this.ref.id;
    if (String(index.diffId) === promised) return index;
    throw new TsbuildError(
      'image',
      `layer ${remote.descriptor.digest} unpacks to ${index.diffId}, its image promised ${promised}`,
    );
  }

  async #readPlace({ blob, diffId }: LayerPlace, tee?: Tee): Promise<LayerIndex> {
    const index = await this.#indexOf(blob, tee);
    if (index.diffId === diffId && this.#isItself(index.changeset)) return index;
    throw new TsbuildError('image', `the blob ${blob.descriptor.digest} is not the layer ${this.ref.id}`);
  }

  async #indexOf(remote: RemoteBlob, tee?: Tee): Promise<LayerIndex> {
    const descriptor = await this.#localBlob(remote);
    const compressed = this.#blobs.open(descriptor.digest, descriptor.size);
    const { decompress } = await import('./decompress.js');
    const plain = decompress(compressed, compressionOf(descriptor.mediaType) ?? 'none');
    const { readLayer } = await import('./read-layer.js');
    return readLayer(tee === undefined ? plain : teeChunks(plain, tee));
  }

  /** Undefined when there is none: the layer's blob has it too. */
  async #fetchChangeset(): Promise<Changeset | undefined> {
    const { changeset: fetched, lines } = (await this.#away()) ?? {};
    if (lines !== undefined)
      return this.#orLost(() =>
        Promise.resolve(this.#asItself(parseChangeset(lines.split('\n')), 'a record')),
      );
    if (fetched === undefined) return undefined;
    return this.#orLost(async () => {
      const { decompress } = await import('./decompress.js');
      const changeset = await readChangeset(linesOf(decompress(this.options.fetch(fetched), 'gzip')));
      return this.#asItself(changeset, fetched.descriptor.digest);
    });
  }

  #asItself(changeset: Changeset, source: string): Changeset {
    if (this.#isItself(changeset)) return changeset;
    throw new TsbuildError('image', `${source} does not describe layer ${this.ref.id}`);
  }

  #isItself(changeset: Changeset): boolean {
    return String(changesetIdentity(changeset)) === this.ref.id;
  }

  #gone(): TsbuildError {
    return new TsbuildError('store', `layer ${this.ref.id} is no longer in the store`, { damaged: true });
  }

  /** What arrives damaged is fetched once more. */
  async #localBlob(remote: RemoteBlob): Promise<Descriptor> {
    if (await this.#blobs.has(remote.descriptor.digest)) return remote.descriptor;
    try {
      await this.#fetchBlob(remote);
    } catch (error) {
      if (!(error instanceof TsbuildError) || !error.damaged) throw error;
      await this.#fetchBlob(remote);
    }
    return remote.descriptor;
  }

  async #fetchBlob(remote: RemoteBlob): Promise<void> {
    const { digest, size } = remote.descriptor;
    const writer = await this.#blobs.writer();
    try {
      for await (const chunk of this.options.fetch(remote)) await writer.write(chunk);
      await writer.commit({ digest, size });
    } finally {
      await writer.abort();
    }
  }

  async #compress(compression: Compression, { level, onBegun }: BlobOptions): Promise<Descriptor> {
    const { diffId, size } = await this.#plain();
    const compress =
      compression === 'zstd'
        ? (await import('./zstd-parallel.js')).zstdParallel
        : (await import('./gzip-parallel.js')).gzipParallel;
    const writer = await this.#blobs.writer();
    onBegun?.((offset) => writer.follow(offset));
    try {
      const chunks = compress(this.#blobs.open(diffId, size), level === undefined ? {} : { level });
      for await (const chunk of chunks) await writer.write(chunk);
      const descriptor = { mediaType: layerMediaType(compression), ...(await writer.commit()) };
      await this.#compressedRecords(compression, level).put(hexOf(diffId), { descriptor });
      return descriptor;
    } finally {
      await writer.abort();
    }
  }

  readonly #bodySource = once(async (): Promise<BodySource> => {
    if (this.origin?.kind === 'changeset') return this.origin.bodies;
    // A layer without files has no form to look into.
    if (this.ref.empty) return () => Promise.reject(this.#gone());
    const directory = await this.#anyDirectory();
    if (directory !== undefined) return directoryBodies(await this.changeset(), directory);
    // Without any of its forms #plain would wait for these bodies.
    if (!(await this.available())) throw this.#gone();
    const { diffId } = await this.#plain();
    const index = await this.#bodyIndex(diffId);
    const path = toByteString(this.#blobs.path(diffId));
    const { bodyInTar } = await import('./read-layer.js');
    return (file) => {
      const body = bodyInTar(index, path, file);
      if (body !== undefined) return body;
      throw new TsbuildError('store', `the content ${file.digest} is not in layer ${diffId}`);
    };
  });

  async #bodyIndex(diffId: DiffID): Promise<BodyIndex> {
    const lines = this.#records('layer-bodies').getLines(hexOf(diffId));
    if (lines !== undefined) return parseBodyLines(lines);
    const { readLayer } = await import('./read-layer.js');
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

  /** Reads contents of this layer; the store's own are compared, and deleted when they are damaged. */
  async #fromSound<T>(read: (bodies: BodySource) => Promise<T>): Promise<T> {
    try {
      return await fromSound(this.options.store, await this.#bodySource(), read);
    } catch (error) {
      this.#availability = undefined;
      throw error;
    }
  }

  async #adoptUpper({ path, namespace }: LayerDirectory): Promise<void> {
    const name = `${this.#hex}-${namespace}`;
    await this.#seal(name, await this.#directories.adopt(name, path));
  }

  /** Names of directories that this process made, or looked at. */
  readonly #sound = new Set<string>();

  async #seal(name: string, path: string): Promise<void> {
    if (this.#sound.has(name)) return;
    await sealDirectory(this.#directories, name, path);
    this.#sound.add(name);
  }

  /** A published directory; looked at once in a process. */
  async #soundDirectory(name: string, namespace: OverlayNamespace): Promise<string | undefined> {
    const path = await this.#directories.get(name);
    if (path === undefined || this.#sound.has(name)) return path;
    const { changeset } = this;
    if (!(await isSound(this.#directories, name, { directory: { path, namespace }, changeset }))) {
      this.#availability = undefined;
      await this.#directories.delete(name);
      throw damagedLayer();
    }
    this.#sound.add(name);
    return path;
  }
}

function asRemoteBlob(value: unknown): RemoteBlob | undefined {
  return isRemoteBlob(value) ? value : undefined;
}

/** Lets a blob that is there already pass, unless it is to be compressed in another way. */
function asWanted(compression: Compression, { force }: BlobOptions) {
  return (blob: RemoteBlob | undefined): RemoteBlob | undefined => {
    const differs = blob !== undefined && compressionOf(blob.descriptor.mediaType) !== compression;
    return force === true && differs ? undefined : blob;
  };
}
