import { digestOf, hexOf } from '../oci/digest.js';
import type { Store } from '../store/store.js';
import { makeKey } from './key.js';
import type { Cache, CacheKey, CacheRecord, StepIdentity } from './types.js';

const results = 'cache';
const latest = 'cache-latest';

/** The cache in the store: a record by key, and the key of the newest record by step. */
export class LocalCache<L> implements Cache<L> {
  /** `isLayer` guards the layers of a record that was read; `available` says whether a layer's bytes are still there. */
  constructor(
    private readonly store: Store,
    private readonly isLayer: (value: unknown) => value is L,
    private readonly available: (layer: L) => Promise<boolean>,
  ) {}

  async lookup(key: CacheKey): Promise<CacheRecord<L> | undefined> {
    const record = this.#parse(await this.store.records(results).get(hexOf(key.digest)));
    if (record === undefined || record.key.digest !== key.digest) return undefined;
    const present = await Promise.all(record.snapshot.map((layer) => this.available(layer)));
    if (!present.every(Boolean)) return undefined;
    await this.store.records(results).touch(hexOf(key.digest));
    return record;
  }

  async save(record: CacheRecord<L>): Promise<void> {
    await this.store.records(results).put(hexOf(record.key.digest), record);
    await this.store.records(latest).put(stepHex(record.step), { key: record.key.digest });
  }

  async previous(step: StepIdentity): Promise<CacheRecord<L> | undefined> {
    const pointer = await this.store.records(latest).get(stepHex(step));
    if (typeof pointer !== 'object' || pointer === null || !('key' in pointer)) return undefined;
    const { key } = pointer;
    if (typeof key !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(key)) return undefined;
    return this.#parse(await this.store.records(results).get(key.slice('sha256:'.length)));
  }

  /** A record whose key is not the digest of its recipe was damaged or forged: no hit. */
  #parse(value: unknown): CacheRecord<L> | undefined {
    if (typeof value !== 'object' || value === null) return undefined;
    const record = value as Partial<CacheRecord<L>>;
    if (record.key === undefined || !Array.isArray(record.key.recipe) || !Array.isArray(record.snapshot))
      return undefined;
    if (!record.snapshot.every((layer) => this.isLayer(layer)) || !Array.isArray(record.inputs))
      return undefined;
    if (typeof record.created !== 'number' || typeof record.own !== 'number') return undefined;
    return makeKey(record.key.recipe).digest === record.key.digest ? (record as CacheRecord<L>) : undefined;
  }
}

function stepHex(step: StepIdentity): string {
  return hexOf(digestOf(JSON.stringify([step.dockerfile, step.stage, step.instruction])));
}
