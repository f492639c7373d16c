import type { CacheRecord } from '../cache/types.js';
import type { LayerRef } from '../layers/layer.js';
import type { Digest } from '../oci/digest.js';
import { chainDigest } from './chain.js';
import { ancestry, type Vertex } from './vertex.js';

/** What is known of a vertex before anything runs. */
export interface Facts {
  /** The record of its definition key. */
  readonly record: CacheRecord<LayerRef> | undefined;
  /** Why a record would not be used, whatever it says. */
  readonly refusal: Refusal | undefined;
}

/** The user asked for the step to be done again, or its lifetime is over (milliseconds). */
export type Refusal =
  { readonly why: 'asked' } | { readonly why: 'expired'; readonly age: number; readonly ttl: number };

/**
 * What must be looked at in this build, known before anything runs. A vertex is *live* when it will be done: it is
 * refused, or something needs it and its definition key has no record. It is *doubtful* when an ancestor is live, or
 * when its record was made on another result of an input than the input's record names now: such a record may be
 * stale, and counts only for inputs of equal content.
 */
export class Plan {
  readonly #live = new Set<Digest>();
  readonly #needed = new Set<Digest>();
  readonly #doubtful = new Set<Digest>();

  /** `facts` holds every vertex that the targets need and that is no source. */
  constructor(
    targets: readonly Vertex[],
    private readonly facts: ReadonlyMap<Digest, Facts>,
  ) {
    const inOrder = ancestry(...targets);
    const sizes = () => this.#live.size + this.#needed.size + this.#doubtful.size;
    for (let before = -1; before !== sizes();) {
      before = sizes();
      this.#markDoubts(inOrder);
      this.#markNeeds(inOrder.toReversed(), targets);
    }
  }

  isLive({ digest }: Vertex): boolean {
    return this.#live.has(digest);
  }

  isDoubtful({ digest }: Vertex): boolean {
    return this.#doubtful.has(digest);
  }

  /** Inputs before what uses them. */
  #markDoubts(vertices: readonly Vertex[]): void {
    for (const vertex of vertices) {
      if (this.facts.get(vertex.digest)?.refusal !== undefined) this.#live.add(vertex.digest);
      const unsure = vertex.inputs.some((input) => this.isLive(input) || this.isDoubtful(input));
      if (unsure || this.#isSuperseded(vertex)) this.#doubtful.add(vertex.digest);
    }
  }

  /** What uses a vertex before the vertex. */
  #markNeeds(vertices: readonly Vertex[], targets: readonly Vertex[]): void {
    for (const { digest } of targets) this.#needed.add(digest);
    for (const vertex of vertices) {
      const facts = this.facts.get(vertex.digest);
      if (this.isLive(vertex)) this.#needed.add(vertex.digest);
      if (facts === undefined || !this.#needed.has(vertex.digest)) continue;
      if (facts.record === undefined) this.#live.add(vertex.digest);
      if (this.isLive(vertex) || this.isDoubtful(vertex))
        for (const input of vertex.inputs) this.#needed.add(input.digest);
    }
  }

  #isSuperseded(vertex: Vertex): boolean {
    const record = this.facts.get(vertex.digest)?.record;
    return vertex.inputs.some((input, i) => {
      const now = this.facts.get(input.digest)?.record;
      return record !== undefined && now !== undefined && chainDigest(now.snapshot) !== record.chains[i];
    });
  }
}
