import type { Digest } from '../oci/digest.js';
import { ancestry, type Vertex } from './vertex.js';

/**
 * What must be looked at in this build, known before anything runs. A vertex is *live* when something needs it and
 * its definition key has no record; it is *doubtful* when an ancestor is live, because a record made on an earlier
 * result of that ancestor may be stale.
 */
export class Plan {
  readonly #live = new Set<Digest>();
  readonly #visited = new Set<Digest>();
  readonly #doubtful = new Map<Digest, boolean>();

  /** `hit` says whether a definition key has a record; always undefined for a vertex that ignores the cache. */
  constructor(private readonly hit: (vertex: Vertex) => Promise<unknown>) {}

  async add(target: Vertex): Promise<void> {
    const pending = [target];
    for (let vertex = pending.pop(); vertex !== undefined; vertex = pending.pop()) {
      if (this.#visited.has(vertex.digest)) continue;
      this.#visited.add(vertex.digest);
      const hit = await this.hit(vertex);
      if (hit === undefined && vertex.inputs.length > 0) this.#live.add(vertex.digest);
      if (hit === undefined || ancestry(vertex).some(({ origin }) => origin.ignoreCache))
        pending.push(...vertex.inputs);
    }
  }

  isDoubtful(vertex: Vertex): boolean {
    const known = this.#doubtful.get(vertex.digest);
    if (known !== undefined) return known;
    const doubtful = ancestry(vertex).some(
      ({ digest }) => digest !== vertex.digest && this.#live.has(digest),
    );
    this.#doubtful.set(vertex.digest, doubtful);
    return doubtful;
  }
}
