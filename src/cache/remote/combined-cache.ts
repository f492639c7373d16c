import type { LayerRef } from '../../layers/layer.js';
import type { Digest } from '../../oci/digest.js';
import type { Cache, CacheKey, CacheRecord, StepIdentity } from '../types.js';
import type { Landing, RemoteSource } from './remote-source.js';

export interface CombinedCacheOptions {
  readonly local: Cache<LayerRef>;
  /** Asked in this order for what is not here. Never written to. */
  readonly sources: readonly RemoteSource[];
  readonly landing: Landing;
  /** Told of every result of this build as soon as it is known. */
  readonly onUsed?: (record: CacheRecord<LayerRef>) => void;
}

/** The store first, then remote caches. What comes from a remote one is kept in the store. */
export class CombinedCache implements Cache<LayerRef> {
  readonly #used = new Map<Digest, CacheRecord<LayerRef>>();

  constructor(private readonly options: CombinedCacheOptions) {}

  /** The newest record of each key that was asked for or saved. */
  get used(): readonly CacheRecord<LayerRef>[] {
    return [...this.#used.values()];
  }

  async lookup(key: CacheKey, step: StepIdentity): Promise<CacheRecord<LayerRef> | undefined> {
    const { local, sources, landing } = this.options;
    const here = await local.lookup(key, step);
    if (here !== undefined) return this.#note(here);
    for (const source of sources) {
      const found = await source.lookup(key, step, landing);
      if (found === undefined) continue;
      await local.save(found);
      return this.#note(found);
    }
    return undefined;
  }

  async save(record: CacheRecord<LayerRef>): Promise<void> {
    await this.options.local.save(record);
    this.#note(record);
  }

  async previous(step: StepIdentity, now: CacheKey): Promise<readonly CacheRecord<LayerRef>[]> {
    const { local, sources } = this.options;
    const here = await local.previous(step, now);
    const elsewhere = await Promise.all(sources.map((source) => source.previous(step, now)));
    return [...here, ...elsewhere.flat()];
  }

  #note(record: CacheRecord<LayerRef>): CacheRecord<LayerRef> {
    this.#used.set(record.key.digest, record);
    this.options.onUsed?.(record);
    return record;
  }
}
