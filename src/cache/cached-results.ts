import { isLayerRef } from '../layers/layer.js';
import { hexOf, type Digest } from '../oci/digest.js';
import type { Store } from '../store/store.js';
import { pinsBucket } from './pins.js';
import { readCacheRecord, resultsBucket } from './read-record.js';
import type { CacheRecord } from './types.js';

/** One record of the cache, as far as keeping and deleting it needs to know. */
export interface CachedResult {
  /** Hex digits of its key. */
  readonly hex: string;
  readonly record: CacheRecord<{ readonly id: Digest; readonly empty: boolean }>;
  /** Digests of the layers of its snapshot, from the bottom up. */
  readonly layers: readonly Digest[];
  /** When it was written or used last: milliseconds since 1970. */
  readonly used: number;
  readonly pinned: boolean;
}

/** All sound records. Damaged ones are left out, and so deleted by the next collection. */
export async function readCachedResults(store: Store): Promise<readonly CachedResult[]> {
  const pins = new Set<string>();
  for await (const { hex } of store.records(pinsBucket).list()) pins.add(hex);
  const records = store.records(resultsBucket);
  const found: CachedResult[] = [];
  for await (const { hex, used } of records.list()) {
    const record = readCacheRecord(await records.get(hex), isLayerRef);
    if (record === undefined || hexOf(record.key.digest) !== hex) continue;
    const layers = record.snapshot.map(({ id }): Digest => id);
    found.push({ hex, record, layers, used, pinned: pins.has(hex) });
  }
  return found;
}
