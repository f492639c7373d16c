import { verdictsBucket } from '../build/store-image.js';
import { hexOf, isDigest, type Digest } from '../oci/digest.js';
import type { Marks } from '../store/collect-garbage.js';
import { listBuckets } from '../store/records.js';
import type { StoredImage } from '../store/references.js';
import type { Store } from '../store/store.js';
import { readImage } from './read-image.js';

export interface Kept {
  readonly marks: Marks;
  readonly images: readonly StoredImage[];
  /** Milliseconds since 1970: results that were used since then stay. */
  readonly usedSince: number;
}

/** Buckets with one record per layer, named by its id. */
const layerBuckets = /^(?:changesets|layer-.*)$/;

/**
 * Marks what named images and recently used results need: of an image what is known of its layers, of a result also
 * their unpacked and packed forms. Unpacked layers of images that no kept result uses can be made again.
 */
export async function markKept(store: Store, { marks, images, usedSince }: Kept): Promise<void> {
  const all = await listBuckets(store.root);
  const buckets = all.filter((bucket) => layerBuckets.test(bucket));
  const seen = new Set<string>();
  const keep = async (hex: string): Promise<void> => {
    if (seen.has(hex)) return;
    seen.add(hex);
    for (const bucket of buckets) {
      marks.record(bucket, hex);
      // some records are named by the layer, others by its DiffID
      for (const digest of await digestsIn(store, marks, { bucket, hex })) await keep(hexOf(digest));
    }
  };
  for (const image of images) {
    const read = await readImage(store, image).catch(() => undefined);
    marks.record(verdictsBucket, hexOf(image.config));
    for (const diffId of read?.config.rootfs.diff_ids ?? []) await keep(hexOf(diffId));
  }
  for (const bucket of all.filter((name) => !layerBuckets.test(name)))
    await markUsed(store, { marks, bucket, usedSince });
  const layers = await layersOfResults(store, usedSince);
  for (const hex of layers) {
    await keep(hex);
    for (const namespace of ['trusted', 'user']) marks.directories.add(`${hex}-${namespace}`);
  }
}

/** Marks records that do not belong to one layer, such as cached results and remembered hashes. */
async function markUsed(
  store: Store,
  kept: { marks: Marks; bucket: string; usedSince: number },
): Promise<void> {
  for await (const { hex, used } of store.records(kept.bucket).list()) {
    if (used >= kept.usedSince) kept.marks.record(kept.bucket, hex);
  }
}

/** Ids of the layers in the snapshots of the cached results that stay. */
async function layersOfResults(store: Store, usedSince: number): Promise<Set<string>> {
  const layers = new Set<string>();
  for await (const { hex, used } of store.records('cache').list()) {
    if (used < usedSince) continue;
    for (const layer of layersOf(await store.records('cache').get(hex))) layers.add(layer);
  }
  return layers;
}

function layersOf(record: unknown): string[] {
  const snapshot = member(record, 'snapshot');
  if (!Array.isArray(snapshot)) return [];
  return snapshot.flatMap((layer: unknown) => {
    const id = member(layer, 'id');
    return isDigest(id) ? [hexOf(id)] : [];
  });
}

/** Marks the blobs and directories that a layer's record names, and gives the digests of the blobs. */
async function digestsIn(
  store: Store,
  marks: Marks,
  { bucket, hex }: { bucket: string; hex: string },
): Promise<readonly Digest[]> {
  if (bucket === 'changesets' || bucket === 'layer-bodies') return [];
  const value = await store.records(bucket).get(hex);
  const directory = member(value, 'directory');
  if (typeof directory === 'string') marks.directories.add(directory);
  const named = [
    member(member(value, 'descriptor'), 'digest'),
    member(value, 'digest'),
    member(value, 'diffId'),
  ];
  const digests = named.filter(isDigest);
  for (const digest of digests) marks.blobs.add(digest);
  return digests;
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}
