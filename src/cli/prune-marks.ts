import { hexOf, isDigest } from '../oci/digest.js';
import type { Marks } from '../store/collect-garbage.js';
import { listBuckets, type StoredRecord } from '../store/records.js';
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
  const buckets = (await listBuckets(store.root)).filter((bucket) => layerBuckets.test(bucket));
  const keep = async (hex: string): Promise<void> => {
    for (const bucket of buckets) {
      marks.record(bucket, hex);
      await markDescriptor(store, marks, { bucket, hex });
    }
  };
  for (const image of images) {
    const read = await readImage(store, image).catch(() => undefined);
    for (const diffId of read?.config.rootfs.diff_ids ?? []) await keep(hexOf(diffId));
  }
  const layers = await markResults(store, marks, usedSince);
  for (const hex of layers) {
    await keep(hex);
    for (const namespace of ['trusted', 'user']) marks.directories.add(`${hex}-${namespace}`);
  }
}

/** Marks cached results and gives the layers of their snapshots. */
async function markResults(store: Store, marks: Marks, usedSince: number): Promise<Set<string>> {
  const layers = new Set<string>();
  const isUsed = ({ used }: StoredRecord): boolean => used >= usedSince;
  for await (const record of store.records('cache').list()) {
    if (!isUsed(record)) continue;
    marks.record('cache', record.hex);
    for (const hex of layersOf(await store.records('cache').get(record.hex))) layers.add(hex);
  }
  for await (const record of store.records('cache-latest').list()) {
    if (isUsed(record)) marks.record('cache-latest', record.hex);
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

/** A layer's packed form: its blob, and what is known of the tar behind it. */
async function markDescriptor(
  store: Store,
  marks: Marks,
  at: { bucket: string; hex: string },
): Promise<void> {
  if (at.bucket === 'changesets' || at.bucket === 'layer-bodies') return;
  const value = await store.records(at.bucket).get(at.hex);
  const directory = member(value, 'directory');
  if (typeof directory === 'string') marks.directories.add(directory);
  for (const digest of [
    member(member(value, 'descriptor'), 'digest'),
    member(value, 'digest'),
    member(value, 'diffId'),
  ]) {
    if (!isDigest(digest)) continue;
    marks.blobs.add(digest);
    marks.record('layer-bodies', hexOf(digest));
  }
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}
