import { explanationText } from '../cache/explain-text.js';
import type { FileListings } from '../cache/file-listing.js';
import type { ClaimStep } from '../cache/claim-step.js';
import type { Cache, CacheRecord } from '../cache/types.js';
import type { Layer, LayerId, LayerRef } from '../layers/layer.js';
import type { Snapshot } from '../layers/snapshot.js';
import type { Digest } from '../oci/digest.js';
import type { Source } from '../util/source.js';
import { attempt, chains, equal, usableRecord, type Attempt } from './attempt.js';
import { isExecution, isSource, selectionsOf, sourceSnapshot } from './dispatch.js';
import { Explainer } from './explainer.js';
import { Ledger } from './ledger.js';
import { locatedError } from './located-error.js';
import { Plan, type Facts } from './plan.js';
import type { Workshop } from './runner.js';
import { StepLog, type StepOutcomes } from './step-log.js';
import { ancestry, type Vertex } from './vertex.js';

export interface SolverOptions {
  readonly shop: Workshop;
  readonly cache: Cache<LayerRef>;
  readonly listings: FileListings;
  /** Makes other processes that want the same step wait. */
  readonly claim: ClaimStep;
  /** The Dockerfile, for errors. */
  readonly source: Source;
  /** Milliseconds that the result of a RUN counts, unless a comment above it says another time. */
  readonly ttl?: number | undefined;
}

/** Where the result of a step came from. */
export interface Provenance {
  readonly verdict: 'built' | 'cached';
  /** The key that it is kept under. */
  readonly key: Digest;
  readonly by: CacheRecord<LayerRef>['by'];
  /** When the result was made: milliseconds since 1970. */
  readonly created: number;
}

/**
 * Solves vertices: each once, independent ones concurrently. Two keys are tried. The definition key needs nothing
 * built; it counts only while no ancestor is rerun in this build, or while what the rerun gave has the recorded
 * content. The content key is made of the content of the solved inputs.
 */
export class Solver {
  readonly #solved = new Map<Digest, Promise<Snapshot>>();
  readonly #ledger: Ledger;
  readonly #log: StepLog;

  constructor(private readonly options: SolverOptions) {
    this.#log = new StepLog(options.shop.job);
    this.#ledger = new Ledger(options);
  }

  /** Where the layers of the results came from, by layer. */
  readonly provenance = new Map<LayerId, Provenance>();

  /** What became of the steps that a target needs. */
  outcomes(target: Vertex): StepOutcomes {
    return this.#log.outcomes(target);
  }

  async solve(target: Vertex): Promise<Snapshot> {
    const [snapshot] = await this.solveAll([target]);
    if (snapshot === undefined) throw new Error('nothing was solved');
    return snapshot;
  }

  /** The results in the order of the targets; what several of them need is solved once, from one plan. */
  async solveAll(targets: readonly Vertex[]): Promise<readonly Snapshot[]> {
    const facts = await this.#ledger.facts(targets);
    const build = {
      facts,
      plan: new Plan(targets, facts),
      explainer: new Explainer(this.options, this.#ledger, targets),
    };
    for (const vertex of ancestry(...targets))
      if (vertex.op.kind === 'exec' && build.plan.isLive(vertex))
        this.options.shop.expectExecution(vertex.op);
    return Promise.all(targets.map((target) => this.#solve(target, build)));
  }

  #solve(vertex: Vertex, build: Build): Promise<Snapshot> {
    const known = this.#solved.get(vertex.digest);
    if (known !== undefined) return known;
    const solved = this.#solveOnce(vertex, build);
    this.#solved.set(vertex.digest, solved);
    return solved;
  }

  async #solveOnce(vertex: Vertex, build: Build): Promise<Snapshot> {
    const { shop } = this.options;
    if (isSource(vertex)) return sourceSnapshot(vertex, shop);
    const record = usableRecord(build.facts.get(vertex.digest));
    try {
      if (record !== undefined && !build.plan.isDoubtful(vertex)) {
        this.#log.cachedWithAncestors(vertex);
        this.#rememberAncestors(vertex, build);
        return shop.layers.snapshot(record.snapshot);
      }
      const inputs = await Promise.all(vertex.inputs.map((input) => this.#solve(input, build)));
      shop.job.signal.throwIfAborted();
      return await this.#solveFrom(vertex, await this.#attempt(vertex, inputs, build), build);
    } catch (error) {
      throw locatedError(error, vertex, this.options.source);
    }
  }

  /** Files that were copied before and not kept are copied again as of then: the result is the same one. */
  async #attempt(vertex: Vertex, inputs: readonly Snapshot[], build: Build): Promise<Attempt> {
    const { shop } = this.options;
    const isMissed = build.facts.get(vertex.digest)?.record === undefined;
    const lost = isMissed && !isExecution(vertex) ? await this.#ledger.lost(vertex) : undefined;
    if (lost === undefined) return attempt(vertex, inputs, shop);
    const again = await attempt(vertex, inputs, { ...shop, now: () => lost.created });
    return equal(lost.inputs, again.contents) ? again : attempt(vertex, inputs, shop);
  }

  /** A definition hit whose inputs still have the recorded content, a content hit, or work. */
  async #solveFrom(vertex: Vertex, task: Attempt, build: Build): Promise<Snapshot> {
    const record = usableRecord(build.facts.get(vertex.digest));
    if (record !== undefined && equal(record.inputs, task.contents)) return this.#reuse(vertex, task, record);
    const found = await this.#ledger.lookup(vertex, task.contentKey);
    if (found !== undefined) return this.#reuse(vertex, task, found);
    if (!isExecution(vertex) || vertex.origin.ignoreCache) return this.#make(vertex, task, build);
    const { signal } = this.options.shop.job;
    const onWait = () => this.#log.waiting(vertex);
    const release = await this.options.claim(task.contentKey.digest, { signal, onWait });
    try {
      const made = await this.#ledger.lookup(vertex, task.contentKey);
      return made === undefined
        ? await this.#make(vertex, task, build)
        : await this.#reuse(vertex, task, made);
    } finally {
      release();
    }
  }

  async #make(vertex: Vertex, task: Attempt, build: Build): Promise<Snapshot> {
    const { shop, cache } = this.options;
    const started = shop.now();
    const layer = await this.#work(vertex, task, build);
    const snapshot = baseOf(vertex, task.inputs).with(layer);
    await layer.keep();
    const record = {
      key: task.contentKey,
      by: 'content',
      step: vertex.origin.identity,
      snapshot: snapshot.layers.map(({ ref }) => ref),
      own: 1,
      inputs: task.contents,
      chains: chains(vertex, task.inputs),
      created: layer.ref.created,
      duration: shop.now() - started,
    } as const;
    await cache.save(record);
    await this.#keep(vertex, record, 'built');
    await this.#keepListings(vertex);
    return snapshot;
  }

  /** Does the step, and says why. Files that were copied before and not kept are only looked up in their source again. */
  async #work(vertex: Vertex, { prepared, contents }: Attempt, build: Build): Promise<Layer> {
    const facts = build.facts.get(vertex.digest);
    const key = await this.#ledger.key(vertex);
    const miss = { key, refusal: facts?.refusal, stale: facts?.record, contents };
    const explanation = await build.explainer.explain(vertex, miss);
    if (explanation.kind === 'gone' && !isExecution(vertex)) {
      this.#log.cached(vertex);
      return prepared.make();
    }
    const reason = explanation.kind === 'first' ? undefined : explanationText(explanation);
    return this.#log.running(vertex, reason, () => prepared.make());
  }

  /** The layer of a record on the inputs of this build; the record is kept under the definition key as well. */
  async #reuse(vertex: Vertex, task: Attempt, record: CacheRecord<LayerRef>): Promise<Snapshot> {
    this.#log.cached(vertex);
    const own = record.snapshot.at(-1);
    if (own === undefined) throw new Error(`cache record of ${vertex.origin.name} names no layer`);
    const snapshot = baseOf(vertex, task.inputs).with(this.options.shop.layers.open(own));
    const here = {
      ...record,
      snapshot: snapshot.layers.map(({ ref }) => ref),
      inputs: task.contents,
      chains: chains(vertex, task.inputs),
    };
    if (record.by === 'content' || !equal(record.chains, here.chains))
      await this.#keep(vertex, here, 'cached');
    else this.#remember(here, 'cached');
    return snapshot;
  }

  /** Keeps a result under the definition key. */
  async #keep(vertex: Vertex, record: CacheRecord<LayerRef>, verdict: Provenance['verdict']): Promise<void> {
    this.#remember(record, verdict);
    const key = await this.#ledger.key(vertex);
    await this.options.cache.save({ ...record, key, by: 'definition', step: vertex.origin.identity });
  }

  #remember({ key, by, created, snapshot }: CacheRecord<LayerRef>, verdict: Provenance['verdict']): void {
    const own = snapshot.at(-1);
    if (own !== undefined) this.provenance.set(own.id, { verdict, key: key.digest, by, created });
  }

  #rememberAncestors(vertex: Vertex, build: Build): void {
    const record = build.facts.get(vertex.digest)?.record;
    if (record === undefined) return;
    this.#remember(record, 'cached');
    const [base] = vertex.inputs;
    if (base !== undefined) this.#rememberAncestors(base, build);
  }

  /** So that a later miss can name the files that differ. */
  async #keepListings(vertex: Vertex): Promise<void> {
    for (const { digest, entry } of await selectionsOf(vertex, this.options.shop)) {
      await this.options.listings.save(digest, entry);
    }
  }
}

/** What one call of `solveAll` goes by. */
interface Build {
  readonly facts: ReadonlyMap<Digest, Facts>;
  readonly plan: Plan;
  readonly explainer: Explainer;
}

function baseOf(vertex: Vertex, inputs: readonly Snapshot[]): Snapshot {
  const [base] = inputs;
  if (base === undefined) throw new Error(`${vertex.origin.name} has no base`);
  return base;
}
