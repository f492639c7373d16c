import type { Digest } from '../oci/digest.js';
import type { Job } from '../progress/event.js';
import { isSource } from './dispatch.js';
import { ancestry, type Vertex } from './vertex.js';

/** Digests of steps that were taken from the cache, and of those that were done. */
export interface StepOutcomes {
  readonly hits: ReadonlySet<Digest>;
  readonly misses: ReadonlySet<Digest>;
}

/** Tells what becomes of each vertex, once each, and counts. */
export class StepLog {
  readonly #told = new Set<Digest>();
  readonly #declared = new Set<Digest>();
  readonly #hits = new Set<Digest>();
  readonly #misses = new Set<Digest>();

  constructor(private readonly job: Job) {}

  /** Of the steps that `target` needs. */
  outcomes(target: Vertex): StepOutcomes {
    const digests = ancestry(target).map(({ digest }) => digest);
    const among = (told: ReadonlySet<Digest>) => new Set(digests.filter((digest) => told.has(digest)));
    return { hits: among(this.#hits), misses: among(this.#misses) };
  }

  cached(vertex: Vertex): void {
    if (!this.#tell(vertex)) return;
    if (vertex.inputs.length > 0) this.#hits.add(vertex.digest);
    this.job.emit({ kind: 'cached', step: vertex.digest });
  }

  /** A definition hit: what it was made of need not be looked at. */
  cachedWithAncestors(vertex: Vertex): void {
    for (const ancestor of ancestry(vertex)) {
      if (!isSource(ancestor) || ancestor.op.kind === 'image') this.cached(ancestor);
    }
  }

  /** Another process does this step: its result will be taken. */
  waiting(vertex: Vertex): void {
    this.#declare(vertex);
    this.job.emit({ kind: 'waiting', step: vertex.digest, reason: 'another build runs this step' });
  }

  /** Does the work of a step between its events. */
  async running<T>(vertex: Vertex, reason: string | undefined, work: () => Promise<T>): Promise<T> {
    this.#tell(vertex);
    this.#misses.add(vertex.digest);
    this.job.emit({ kind: 'missed', step: vertex.digest, reason });
    this.job.emit({ kind: 'started', step: vertex.digest });
    try {
      const result = await work();
      this.job.emit({ kind: 'finished', step: vertex.digest, outcome: 'done' });
      return result;
    } catch (error) {
      const outcome = this.job.signal.aborted ? 'cancelled' : 'failed';
      const message = error instanceof Error ? error.message : String(error);
      this.job.emit({ kind: 'finished', step: vertex.digest, outcome, error: message });
      throw error;
    }
  }

  #tell(vertex: Vertex): boolean {
    if (this.#told.has(vertex.digest)) return false;
    this.#told.add(vertex.digest);
    this.#declare(vertex);
    return true;
  }

  #declare({ digest, origin: { name, range } }: Vertex): void {
    if (this.#declared.has(digest)) return;
    this.#declared.add(digest);
    this.job.emit({ kind: 'declared', step: digest, name, range });
  }
}
