import { join } from 'node:path';
import { Marks, markReferences, type Tally } from './collect-garbage.js';
import { diskSize } from './disk-size.js';
import { listBuckets } from './records.js';
import type { Store } from './store.js';

/** What a store takes on disk, by kind. */
export interface DiskUsage {
  /** Images that have a name; their manifests, configs and layers. */
  readonly images: Tally;
  /** Blobs that no named image needs. */
  readonly layers: Tally;
  readonly directories: Tally;
  /** By bucket. */
  readonly records: ReadonlyMap<string, Tally>;
  /** Temporary files and scratch folders of running or killed processes. */
  readonly temporary: Tally;
  /** Bytes of everything. */
  readonly bytes: number;
}

/** Measures the store. What changes meanwhile may be counted or not. */
export async function diskUsage(store: Store): Promise<DiskUsage> {
  const marks = new Marks();
  const named = await markReferences(store, marks);
  const blobs = await blobUsage(store, marks);
  const images = { count: named.length, bytes: blobs.named };
  const directories = await directoryUsage(store);
  const records = await recordUsage(store);
  const temporary = { count: 2, bytes: await temporaryBytes(store.root) };
  const parts = [images, blobs.others, directories, temporary, ...records.values()];
  return {
    images,
    layers: blobs.others,
    directories,
    records,
    temporary,
    bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
  };
}

async function blobUsage(store: Store, marks: Marks): Promise<{ named: number; others: Tally }> {
  let named = 0;
  let bytes = 0;
  let count = 0;
  for await (const blob of store.blobs.list()) {
    if (marks.blobs.has(blob.digest)) {
      named += blob.size;
      continue;
    }
    bytes += blob.size;
    count += 1;
  }
  return { named, others: { count, bytes } };
}

async function directoryUsage(store: Store): Promise<Tally> {
  const count = (await store.directories.list()).length;
  return { count, bytes: await diskSize(join(store.root, 'directories')) };
}

async function recordUsage(store: Store): Promise<ReadonlyMap<string, Tally>> {
  const usage = new Map<string, Tally>();
  for (const bucket of await listBuckets(store.root)) {
    let count = 0;
    let bytes = 0;
    for await (const { size } of store.records(bucket).list()) {
      count += 1;
      bytes += size;
    }
    usage.set(bucket, { count, bytes });
  }
  return usage;
}

async function temporaryBytes(root: string): Promise<number> {
  return (await diskSize(join(root, 'tmp'))) + (await diskSize(join(root, 'scratch')));
}
