import type { Digest } from '../oci/digest.js';

/** The preimage of a key: labelled parts in the order in which they are hashed. Never a secret, proxy or clock. */
export type Recipe = readonly (readonly [label: string, value: string])[];

/** A digest with the recipe that it was made of, so that a miss can be explained. */
export interface CacheKey {
  readonly digest: Digest;
  readonly recipe: Recipe;
}

/** Finds a step again in the next build although line numbers moved: Dockerfile identity, stage, instruction. */
export interface StepIdentity {
  readonly dockerfile: string;
  readonly stage: string;
  readonly instruction: string;
}

/** Result of a step, as kept. `L` names a layer in a way that outlives the process. */
export interface CacheRecord<L> {
  readonly key: CacheKey;
  readonly step: StepIdentity;
  /** The whole snapshot that the step led to, from the bottom up. */
  readonly snapshot: readonly L[];
  /** How many of the snapshot's top layers the step itself made (0 or 1). */
  readonly own: number;
  /** Content digests of the inputs that it was made from, in the order of the vertex's inputs. */
  readonly inputs: readonly Digest[];
  /** When the result was made: milliseconds since 1970. */
  readonly created: number;
  /** How long it took to make, in milliseconds. */
  readonly duration: number;
}

/** A store of results. A damaged or unreadable record is a miss, never an error. */
export interface Cache<L> {
  lookup(key: CacheKey): Promise<CacheRecord<L> | undefined>;
  save(record: CacheRecord<L>): Promise<void>;
  /** The newest record of the same step, whatever its key. */
  previous(step: StepIdentity): Promise<CacheRecord<L> | undefined>;
}
