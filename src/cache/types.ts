import type { Digest } from '../oci/digest.js';

/** The preimage of a key: labelled parts in the order in which they are hashed. Never a secret, proxy or clock. */
export type Recipe = readonly (readonly [label: string, value: string])[];

/** A digest with the recipe that it was made of, so that a miss can be explained. */
export interface CacheKey {
  readonly digest: Digest;
  readonly recipe: Recipe;
}

/** Finds a step again in the next build although line numbers moved. */
export interface StepIdentity {
  /** What tells the Dockerfile from others: a path. */
  readonly dockerfile: string;
  readonly stage: string;
  readonly instruction: string;
  /** `RUN 3`: the third RUN of its stage. Finds a step whose text changed. */
  readonly place: string;
}

/**
 * Result of a step, as kept. `L` names a layer in a way that outlives the process. A record is complete in itself: it
 * can be carried to another store with the layers that it names.
 */
export interface CacheRecord<L> {
  readonly key: CacheKey;
  /** The key that it is kept under: of the definitions, or of the content of its inputs. */
  readonly by: 'definition' | 'content';
  readonly step: StepIdentity;
  /** The whole snapshot that the step led to, from the bottom up. */
  readonly snapshot: readonly L[];
  /** How many of the snapshot's top layers the step itself made (0 or 1). */
  readonly own: number;
  /** Content digests of the inputs that it was made from, in the order of the vertex's inputs. */
  readonly inputs: readonly Digest[];
  /** Digests of the layer chains of those inputs; of sources, of the source. Tells a result of another run from this. */
  readonly chains: readonly Digest[];
  /** When the result was made: milliseconds since 1970. */
  readonly created: number;
  /** How long it took to make, in milliseconds. */
  readonly duration: number;
}

/** A store of results. A damaged or unreadable record is a miss, never an error. */
export interface Cache<L> {
  /** `step` is what asks: a record that comes from elsewhere is kept for it. */
  lookup(key: CacheKey, step: StepIdentity): Promise<CacheRecord<L> | undefined>;
  save(record: CacheRecord<L>): Promise<void>;
  /**
   * Earlier records by definition of the same step, whatever their keys: those of the same text first, then those of
   * the same place; the newest first among each. Their layers may be gone. `now` is what they will be compared with:
   * values of records from elsewhere are known only where they are the same (see `unknownValue`).
   */
  previous(step: StepIdentity, now: CacheKey): Promise<readonly CacheRecord<L>[]>;
}
