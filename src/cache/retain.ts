import { hexOf, isDigest, type Digest } from '../oci/digest.js';
import { maxDocumentSize } from '../oci/strict-json.js';
import { parseImageConfig } from '../oci/validate.js';
import type { Marks } from '../store/collect-garbage.js';
import { listBuckets } from '../store/records.js';
import type { StoredImage } from '../store/references.js';
import type { Store } from '../store/store.js';
import { TsbuildError } from '../util/errors.js';
import { readCachedResults, type CachedResult } from './cached-results.js';
import { listingsBucket } from './file-listing.js';
import { latestBucket, pointers } from './local-cache.js';
import { pinsBucket } from './pins.js';
import { resultsBucket } from './read-record.js';

/** Bucket of records by config digest: what became of each layer in the last build of an image. */
export const verdictsBucket = 'image-verdicts';

/** Bucket of the manifest lists that users put together, by the digest of their name. */
export const manifestListsBucket = 'manifest-lists';

/** What users wrote down themselves is theirs to delete. */
const ownBuckets: ReadonlySet<string> = new Set([pinsBucket, manifestListsBucket]);

export interface Kept {
  readonly marks: Marks;
  readonly images: readonly StoredImage[];
  /** Whether a cached result stays. Layers that a kept result is made on stay with it. */
  readonly keeps: (result: CachedResult) => boolean;
  /** Milliseconds since 1970: what is remembered besides results stays when it was used since then. */
  readonly usedSince: number;
}

/** What says why a later step misses: it stays with the results that it belongs to, however long ago it was written. */
const explainingBuckets: ReadonlySet<string> = new Set([latestBucket, listingsBucket]);

/** Buckets with one record per layer, named by its id. */
const layerBuckets = /^(?:changesets|layer-.*)$/;

/**
 * Marks what named images and kept results need: of an image what is known of its layers, of a result also their
 * unpacked and packed forms. Unpacked layers of images that no kept result uses can be made again.
 */
export async function markKept(store: Store, { marks, images, keeps, usedSince }: Kept): Promise<void> {
  const layers = new LayerMarks(store, marks, await listBuckets(store.root));
  for (const image of images) {
    marks.record(verdictsBucket, hexOf(image.config));
    for (const diffId of await diffIdsOf(store, image)) await layers.keep(hexOf(diffId));
  }
  for (const bucket of layers.otherBuckets) {
    if (ownBuckets.has(bucket)) marks.buckets.add(bucket);
    else if (bucket !== resultsBucket && !explainingBuckets.has(bucket))
      await markUsed(store, { marks, bucket, usedSince });
  }
  for (const result of await readCachedResults(store)) {
    if (!keeps(result)) continue;
    marks.record(resultsBucket, result.hex);
    markExplaining(marks, result);
    for (const layer of result.layers) await layers.keepWhole(hexOf(layer));
  }
}

function markExplaining(marks: Marks, { record: { by, step, key } }: CachedResult): void {
  if (by !== 'definition') return;
  for (const hex of pointers(step)) marks.record(latestBucket, hex);
  for (const [, value] of key.recipe) {
    for (const [, hex = ''] of value.matchAll(/sha256:([0-9a-f]{64})/g)) marks.record(listingsBucket, hex);
  }
}

async function diffIdsOf({ blobs }: Store, { config }: StoredImage): Promise<readonly Digest[]> {
  try {
    return parseImageConfig(await blobs.read(config, maxDocumentSize)).rootfs.diff_ids;
  } catch (error) {
    if (error instanceof TsbuildError) return [];
    throw error;
  }
}

/** Marks records that belong neither to a layer nor to a result, such as remembered hashes. */
async function markUsed(
  store: Store,
  {
    marks,
    bucket,
    usedSince,
  }: { readonly marks: Marks; readonly bucket: string; readonly usedSince: number },
): Promise<void> {
  for await (const { hex, used } of store.records(bucket).list()) {
    if (used >= usedSince) marks.record(bucket, hex);
  }
}

/** Marks the records, blobs and folders of layers. */
class LayerMarks {
  readonly #buckets: readonly string[];
  readonly #seen = new Set<string>();
  readonly #whole = new Set<string>();

  constructor(
    private readonly store: Store,
    private readonly marks: Marks,
    private readonly all: readonly string[],
  ) {
    this.#buckets = all.filter((bucket) => layerBuckets.test(bucket));
  }

  get otherBuckets(): readonly string[] {
    return this.all.filter((bucket) => !layerBuckets.test(bucket));
  }

  /** What is known of a layer. Some records are named by the layer, others by its DiffID. */
  async keep(hex: string): Promise<void> {
    if (this.#seen.has(hex)) return;
    this.#seen.add(hex);
    for (const bucket of this.#buckets) {
      this.marks.record(bucket, hex);
      for (const digest of await this.#named(bucket, hex)) await this.keep(hexOf(digest));
    }
  }

  /** As `keep`, with the unpacked forms that belong to no particular base. */
  async keepWhole(hex: string): Promise<void> {
    if (this.#whole.has(hex)) return;
    this.#whole.add(hex);
    await this.keep(hex);
    for (const namespace of ['trusted', 'user', 'plain']) this.marks.directories.add(`${hex}-${namespace}`);
  }

  /** Marks the blobs and directories that a layer's record names, and gives the digests of the blobs. */
  async #named(bucket: string, hex: string): Promise<readonly Digest[]> {
    if (bucket === 'changesets' || bucket === 'layer-bodies') return [];
    const value = await this.store.records(bucket).get(hex);
    const directory = member(value, 'directory');
    if (typeof directory === 'string') this.marks.directories.add(directory);
    const digests = [
      member(member(value, 'descriptor'), 'digest'),
      member(value, 'digest'),
      member(value, 'diffId'),
    ].filter(isDigest);
    for (const digest of digests) this.marks.blobs.add(digest);
    return digests;
  }
}

/** A member of a value that was read; undefined when it has none. */
function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}
