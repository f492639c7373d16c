import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../oci/digest.js';
import { maxDocumentSize } from '../oci/strict-json.js';
import { parseManifest } from '../oci/validate.js';
import { TsbuildError } from '../util/errors.js';
import { diskSize } from './disk-size.js';
import { listBuckets } from './records.js';
import { imagesOf, type StoredImage } from './references.js';
import { collectionLock, indexLock, type Store } from './store.js';

/** What a collection keeps. */
export class Marks {
  readonly blobs = new Set<Digest>();
  /** Names of `Directories`. */
  readonly directories = new Set<string>();
  /** Buckets that are kept whole. */
  readonly buckets = new Set<string>();
  readonly #records = new Map<string, Set<string>>();

  /** Keeps one record of a bucket. */
  record(bucket: string, hex: string): void {
    const keys = this.#records.get(bucket) ?? new Set<string>();
    this.#records.set(bucket, keys.add(hex));
  }

  hasRecord(bucket: string, hex: string): boolean {
    return this.buckets.has(bucket) || (this.#records.get(bucket)?.has(hex) ?? false);
  }
}

export interface CollectionPolicy {
  /**
   * Marks what cache records need, and which of the records to keep: the store does not know what they mean. `images`
   * are those that a name points to; their blobs are marked already.
   */
  readonly mark: (marks: Marks, images: readonly StoredImage[]) => Promise<void>;
  /** Counts what would be deleted and deletes nothing. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

export interface Tally {
  readonly count: number;
  /** Bytes on disk. */
  readonly bytes: number;
}

export interface Collected {
  readonly blobs: Tally;
  readonly directories: Tally;
  readonly records: Tally;
  /** Sum of the three. */
  readonly bytes: number;
}

/**
 * Deletes what neither a name nor `policy.mark` marks. Throws `store` when a build holds a lease. May be killed at any
 * point: records go first, so none is left that names something deleted.
 */
export async function collectGarbage(store: Store, policy: CollectionPolicy): Promise<Collected> {
  const lock = await store.lock(collectionLock, 'exclusive', { wait: false });
  if (lock === undefined) {
    throw new TsbuildError('store', 'the store is in use by a running build', {
      hint: 'try again when it has ended',
    });
  }
  try {
    const marks = new Marks();
    await policy.mark(marks, await markReferences(store, marks));
    // A process killed after it deleted a name may have left an index.json that still names the image.
    if (policy.dryRun !== true) await store.updateIndex();
    const records = await sweep(recordItems(store), (item) => marks.hasRecord(item.bucket, item.hex), policy);
    const directories = await sweep(directoryItems(store), ({ name }) => marks.directories.has(name), policy);
    const blobs = await sweep(blobItems(store), ({ digest }) => marks.blobs.has(digest), policy);
    if (policy.dryRun !== true) await deleteLocks(store);
    return { records, directories, blobs, bytes: records.bytes + directories.bytes + blobs.bytes };
  } finally {
    lock.release();
  }
}

/** Marks the blobs of all named images and gives the images. */
export async function markReferences(store: Store, marks: Marks): Promise<readonly StoredImage[]> {
  const images = new Map<Digest, StoredImage>();
  for (const { target } of await store.references.list()) {
    if (target.kind === 'index') marks.blobs.add(target.index.digest);
    for (const image of imagesOf(target)) images.set(image.manifest.digest, image);
  }
  for (const image of images.values()) await markImage(store, marks, image);
  return [...images.values()];
}

async function markImage(store: Store, marks: Marks, image: StoredImage): Promise<void> {
  marks.blobs.add(image.manifest.digest).add(image.config);
  try {
    const manifest = parseManifest(
      await store.blobs.read(image.manifest.digest, maxDocumentSize),
      image.manifest.mediaType,
    );
    for (const layer of manifest.layers) marks.blobs.add(layer.digest);
  } catch (error) {
    // Without its manifest nobody can say which layers an image has; what the cache needs of them it marks itself.
    if (!(error instanceof TsbuildError)) throw error;
  }
}

/** Locks of builds: none runs, and whoever waits for one finds that its file was replaced. */
async function deleteLocks(store: Store): Promise<void> {
  const folder = join(store.root, 'locks');
  for (const name of await readdir(folder)) {
    if (name !== collectionLock && name !== indexLock)
      await unlink(join(folder, name)).catch(() => undefined);
  }
}

interface Item {
  bytes(): Promise<number>;
  delete(): Promise<void>;
}

async function sweep<I extends Item>(
  items: AsyncIterable<I>,
  isMarked: (item: I) => boolean,
  { dryRun = false, signal }: CollectionPolicy,
): Promise<Tally> {
  let count = 0;
  let bytes = 0;
  for await (const item of items) {
    if (isMarked(item)) continue;
    signal?.throwIfAborted();
    bytes += await item.bytes();
    count += 1;
    if (!dryRun) await item.delete();
  }
  return { count, bytes };
}

async function* recordItems(
  store: Store,
): AsyncIterable<Item & { readonly bucket: string; readonly hex: string }> {
  for (const bucket of await listBuckets(store.root)) {
    const records = store.records(bucket);
    for await (const { hex, size } of records.list()) {
      yield { bucket, hex, bytes: () => Promise.resolve(size), delete: () => records.delete(hex) };
    }
  }
}

async function* directoryItems(store: Store): AsyncIterable<Item & { readonly name: string }> {
  for (const name of await store.directories.list()) {
    const bytes = () => diskSize(join(store.root, 'directories/v1', name));
    yield { name, bytes, delete: () => store.directories.delete(name) };
  }
}

async function* blobItems(store: Store): AsyncIterable<Item & { readonly digest: Digest }> {
  for await (const { digest, size } of store.blobs.list()) {
    yield { digest, bytes: () => Promise.resolve(size), delete: () => store.blobs.delete(digest) };
  }
}
