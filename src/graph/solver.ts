import { explainMiss } from '../cache/explain.js';
import { makeKey } from '../cache/key.js';
import type { Cache, CacheKey, CacheRecord } from '../cache/types.js';
import type { LayerId, LayerRef } from '../layers/layer.js';
import type { Snapshot } from '../layers/snapshot.js';
import type { Digest } from '../oci/digest.js';
import { TsbuildError } from '../util/errors.js';
import type { Source } from '../util/source.js';
import { entersByKey, isSource, ownRecipe, prepare, sourceSnapshot } from './dispatch.js';
import { Plan } from './plan.js';
import type { Prepared, Workshop } from './runner.js';
import { StepLog } from './step-log.js';
import type { Vertex } from './vertex.js';

export interface SolverOptions {
  readonly shop: Workshop;
  readonly cache: Cache<LayerRef>;
  /** The Dockerfile, for errors. */
  readonly source: Source;
}

/**
 * Solves vertices: each once, independent ones concurrently. Two keys are tried. The definition key needs nothing
 * built; it counts only while no ancestor is rerun in this build, or while what the rerun gave has the recorded
 * content. The content key is made of the content of the solved inputs.
 */
export class Solver {
  readonly #solved = new Map<Digest, Promise<Snapshot>>();
  readonly #keys = new Map<Digest, Promise<CacheKey>>();
  readonly #hits = new Map<Digest, Promise<CacheRecord<LayerRef> | undefined>>();
  readonly #plan = new Plan((vertex) => this.#definitionHit(vertex));
  readonly #log: StepLog;

  constructor(private readonly options: SolverOptions) {
    this.#log = new StepLog(options.shop.job);
  }

  /** Layers that were made, not taken from the cache. */
  readonly built = new Set<LayerId>();

  /** Steps that were taken from the cache and steps that were done. */
  get counts(): { readonly hits: number; readonly misses: number } {
    return this.#log.counts;
  }

  async solve(target: Vertex): Promise<Snapshot> {
    await this.#plan.add(target);
    return this.#solve(target);
  }

  #solve(vertex: Vertex): Promise<Snapshot> {
    return memoised(this.#solved, vertex, () => this.#solveOnce(vertex));
  }

  async #solveOnce(vertex: Vertex): Promise<Snapshot> {
    if (isSource(vertex)) return sourceSnapshot(vertex, this.options.shop);
    try {
      const hit = await this.#definitionHit(vertex);
      if (hit !== undefined && !this.#plan.isDoubtful(vertex)) {
        this.#log.cachedWithAncestors(vertex);
        return this.options.shop.layers.snapshot(hit.snapshot);
      }
      const inputs = await Promise.all(vertex.inputs.map((input) => this.#solve(input)));
      this.options.shop.job.signal.throwIfAborted();
      return await this.#solveFrom(vertex, inputs, hit);
    } catch (error) {
      throw this.#located(error, vertex);
    }
  }

  /** With solved inputs: a definition hit whose inputs still have the recorded content, a content hit, or work. */
  async #solveFrom(
    vertex: Vertex,
    inputs: readonly Snapshot[],
    hit: CacheRecord<LayerRef> | undefined,
  ): Promise<Snapshot> {
    const prepared = await prepare(vertex, inputs, this.options.shop);
    const contents = await Promise.all(
      vertex.inputs.map(async (input, i) =>
        isSource(input) ? input.digest : ((await inputs[i]?.content()) ?? input.digest),
      ),
    );
    if (hit !== undefined && equal(hit.inputs, contents)) {
      return this.#reuse(vertex, inputs, hit);
    }
    const contentKey = makeKey(prepared.recipe);
    const found = vertex.origin.ignoreCache ? undefined : await this.options.cache.lookup(contentKey);
    if (found !== undefined) {
      const snapshot = this.#reuse(vertex, inputs, found);
      await this.#save(vertex, {
        ...found,
        snapshot: snapshot.layers.map((layer) => layer.ref),
        inputs: contents,
      });
      return snapshot;
    }
    return this.#make(vertex, inputs, { prepared, contentKey, contents });
  }

  async #make(
    vertex: Vertex,
    inputs: readonly Snapshot[],
    {
      prepared,
      contentKey,
      contents,
    }: { prepared: Prepared; contentKey: CacheKey; contents: readonly Digest[] },
  ): Promise<Snapshot> {
    const key = await this.#definitionKey(vertex);
    const previous = await this.options.cache.previous(vertex.origin.identity);
    const reason = vertex.origin.ignoreCache
      ? 'the cache was not asked'
      : explainMiss(previous?.key.recipe, key.recipe);
    const started = this.options.shop.now();
    const layer = await this.#log.running(vertex, reason, () => prepared.make());
    this.built.add(layer.ref.id);
    const snapshot = baseOf(vertex, inputs).with(layer);
    const record = {
      key: contentKey,
      step: vertex.origin.identity,
      snapshot: snapshot.layers.map(({ ref }) => ref),
      own: 1,
      inputs: contents,
      created: layer.ref.created,
      duration: this.options.shop.now() - started,
    };
    await layer.keep();
    await this.options.cache.save(record);
    await this.#save(vertex, record);
    return snapshot;
  }

  #reuse(vertex: Vertex, inputs: readonly Snapshot[], record: CacheRecord<LayerRef>): Snapshot {
    this.#log.cached(vertex);
    const own = record.snapshot.at(-1);
    if (own === undefined) throw new Error(`cache record of ${vertex.origin.name} names no layer`);
    return baseOf(vertex, inputs).with(this.options.shop.layers.open(own));
  }

  async #save(vertex: Vertex, record: CacheRecord<LayerRef>): Promise<void> {
    const key = await this.#definitionKey(vertex);
    await this.options.cache.save({ ...record, key, step: vertex.origin.identity });
  }

  #definitionKey(vertex: Vertex): Promise<CacheKey> {
    return memoised(this.#keys, vertex, async () => {
      const own = await ownRecipe(vertex, this.options.shop);
      const keyed = vertex.inputs.filter((input) => entersByKey(input));
      const inputs = keyed.map(async (input): Promise<[string, string]> => {
        return [inputLabel(vertex, input), (await this.#definitionKey(input)).digest];
      });
      return makeKey([...own, ...(await Promise.all(inputs))]);
    });
  }

  #definitionHit(vertex: Vertex): Promise<CacheRecord<LayerRef> | undefined> {
    return memoised(this.#hits, vertex, async () => {
      if (isSource(vertex) || vertex.origin.ignoreCache) return undefined;
      try {
        return await this.options.cache.lookup(await this.#definitionKey(vertex));
      } catch (error) {
        throw this.#located(error, vertex);
      }
    });
  }

  #located(error: unknown, vertex: Vertex): unknown {
    const { range } = vertex.origin;
    return error instanceof TsbuildError && range !== undefined
      ? error.at(range, this.options.source)
      : error;
  }
}

/** Promise per vertex digest. */
function memoised<T>(memo: Map<Digest, Promise<T>>, vertex: Vertex, compute: () => Promise<T>): Promise<T> {
  const known = memo.get(vertex.digest);
  if (known !== undefined) return known;
  const promise = compute();
  memo.set(vertex.digest, promise);
  return promise;
}

function baseOf(vertex: Vertex, inputs: readonly Snapshot[]): Snapshot {
  const [base] = inputs;
  if (base === undefined) throw new Error(`${vertex.origin.name} has no base`);
  return base;
}

/** How a miss names an input; the same in every build, so that recipes can be compared. */
function inputLabel(vertex: Vertex, input: Vertex): string {
  const place = vertex.inputs.indexOf(input);
  if (place > 0) return `the result of source ${place}`;
  return input.op.kind === 'image' ? 'the base image' : 'the result of the step before';
}

function equal(a: readonly Digest[], b: readonly Digest[]): boolean {
  return a.length === b.length && a.every((digest, i) => digest === b[i]);
}
