import { digestOf, hexOf, isDigest, type Digest } from '../oci/digest.js';
import type { Store } from '../store/store.js';
import { resultsBucket, readCacheRecord } from './read-record.js';
import type { Cache, CacheKey, CacheRecord, StepIdentity } from './types.js';

/** Bucket of the newest keys by step, for explanations. */
export const latestBucket = 'cache-latest';

/** Earlier keys of a step that are remembered: enough to go back and forth between a few variants. */
const remembered = 8;

/** The cache in the store: a record by key, and the keys of the newest records by step. */
export class LocalCache<L> implements Cache<L> {
  /** `isLayer` guards the layers of a record that was read; `available` says whether a layer's bytes are still there. */
  constructor(
    private readonly store: Store,
    private readonly isLayer: (value: unknown) => value is L,
    private readonly available: (layer: L) => Promise<boolean>,
  ) {}

  async lookup(key: CacheKey): Promise<CacheRecord<L> | undefined> {
    const record = await this.#read(key.digest);
    if (record === undefined) return undefined;
    const present = await Promise.all(record.snapshot.map((layer) => this.available(layer)));
    if (!present.every(Boolean)) return undefined;
    await this.store.records(resultsBucket).touch(hexOf(key.digest));
    return record;
  }

  async save(record: CacheRecord<L>): Promise<void> {
    await this.store.records(resultsBucket).put(hexOf(record.key.digest), record);
    if (record.by === 'content') return;
    for (const hex of pointers(record.step)) await this.#remember(hex, record.key.digest);
  }

  async previous(step: StepIdentity): Promise<readonly CacheRecord<L>[]> {
    const keys = await Promise.all(pointers(step).map((hex) => this.#keys(hex)));
    const records = await Promise.all([...new Set(keys.flat())].map((key) => this.#read(key)));
    return records.filter((record) => record !== undefined);
  }

  async #read(key: Digest): Promise<CacheRecord<L> | undefined> {
    const record = readCacheRecord(await this.store.records(resultsBucket).get(hexOf(key)), this.isLayer);
    return record?.key.digest === key ? record : undefined;
  }

  async #remember(hex: string, key: Digest): Promise<void> {
    const others = (await this.#keys(hex)).filter((known) => known !== key);
    await this.store.records(latestBucket).put(hex, { keys: [key, ...others].slice(0, remembered) });
  }

  async #keys(hex: string): Promise<readonly Digest[]> {
    const value = await this.store.records(latestBucket).get(hex);
    if (typeof value !== 'object' || value === null || !('keys' in value)) return [];
    return Array.isArray(value.keys) ? value.keys.filter(isDigest) : [];
  }
}

/** Names of the records that remember a step: by its text, and by its place. */
export function pointers({ dockerfile, stage, instruction, place }: StepIdentity): readonly string[] {
  return [
    ['text', instruction],
    ['place', place],
  ].map(([kind, what]) => hexOf(digestOf(JSON.stringify([kind, dockerfile, stage, what]))));
}
