import type { Explanation } from '../cache/explain.js';
import type { CacheKey } from '../cache/types.js';
import { Snapshot } from '../layers/snapshot.js';
import type { Digest } from '../oci/digest.js';
import { TsbuildError } from '../util/errors.js';
import type { SourceRange } from '../util/source.js';
import { attempt, equal, usableRecord, type Attempt } from './attempt.js';
import { isExecution, isSource, sourceSnapshot } from './dispatch.js';
import { Explainer, type Miss } from './explainer.js';
import { Ledger } from './ledger.js';
import { locatedError } from './located-error.js';
import { Plan, type Facts } from './plan.js';
import type { SolverOptions } from './solver.js';
import { ancestry, type Vertex } from './vertex.js';

/** What will become of a step, told before anything runs. */
export interface StepForecast {
  readonly step: Digest;
  /** `[build 3/5] RUN make`. */
  readonly name: string;
  readonly stage: string;
  readonly instruction: string;
  readonly range: SourceRange | undefined;
  /** `depends`: what earlier steps give decides. */
  readonly verdict: 'base' | 'hit' | 'miss' | 'depends';
  /** The definition key; of a base its config. */
  readonly key: Digest;
  /** Names of the steps whose results decide. */
  readonly dependsOn: readonly string[];
  /** Why it misses, or would. */
  readonly explanation: Explanation | undefined;
  /** What the nearest earlier run took (milliseconds); of a hit what it saves. */
  readonly duration: number | undefined;
}

/**
 * Says of each step that the targets need whether it will be taken from the cache. Nothing is executed; bases are not
 * fetched if `shop.layers` refuses to.
 */
export async function forecast(
  targets: readonly Vertex[],
  options: SolverOptions,
): Promise<readonly StepForecast[]> {
  return new Forecaster(targets, options).run();
}

/** The result of a vertex as far as it is known; `from` are the steps that it waits for. */
type Outcome =
  { readonly snapshot: Snapshot } | { readonly snapshot: undefined; readonly from: readonly Vertex[] };

class Forecaster {
  readonly #ledger: Ledger;
  readonly #explainer: Explainer;
  readonly #outcomes = new Map<Digest, Outcome>();

  constructor(
    private readonly targets: readonly Vertex[],
    private readonly options: SolverOptions,
  ) {
    this.#ledger = new Ledger(options);
    this.#explainer = new Explainer(options, this.#ledger, targets);
  }

  async run(): Promise<readonly StepForecast[]> {
    const facts = await this.#ledger.facts(this.targets);
    const plan = new Plan(this.targets, facts);
    const forecasts: StepForecast[] = [];
    for (const vertex of ancestry(...this.targets)) {
      try {
        const told = await this.#one(vertex, { facts: facts.get(vertex.digest), plan });
        if (told !== undefined) forecasts.push(told);
      } catch (error) {
        throw locatedError(error, vertex, this.options.source);
      }
    }
    return forecasts;
  }

  async #one(vertex: Vertex, known: Known): Promise<StepForecast | undefined> {
    const { shop } = this.options;
    if (isSource(vertex)) {
      this.#outcomes.set(vertex.digest, { snapshot: await sourceSnapshot(vertex, shop) });
      const { op } = vertex;
      return op.kind === 'image' ? told(vertex, { verdict: 'base', key: op.config }) : undefined;
    }
    const key = await this.#ledger.key(vertex);
    const { facts, plan } = known;
    const record = usableRecord(facts);
    if (!plan.isLive(vertex) && !plan.isDoubtful(vertex)) {
      if (record !== undefined)
        this.#outcomes.set(vertex.digest, { snapshot: shop.layers.snapshot(record.snapshot) });
      return told(vertex, { verdict: 'hit', key: key.digest, duration: record?.duration });
    }
    const waitsFor = this.#unknownInputs(vertex);
    if (waitsFor.length > 0) return this.#undecided(vertex, key, { waitsFor, facts });
    const tried = await this.#attempt(vertex);
    return tried === undefined
      ? this.#undecided(vertex, key, { waitsFor: basesOf(vertex), facts })
      : this.#decided(vertex, tried, { key, facts });
  }

  /** All inputs are known: the content key decides. */
  async #decided(
    vertex: Vertex,
    tried: Attempt,
    { key, facts }: { readonly key: CacheKey; readonly facts: Facts | undefined },
  ): Promise<StepForecast> {
    const record = usableRecord(facts);
    const sameInputs = record !== undefined && equal(record.inputs, tried.contents);
    const found = sameInputs ? record : await this.#ledger.lookup(vertex, tried.contentKey);
    const own = found?.snapshot.at(-1);
    const [base] = tried.inputs;
    if (found !== undefined && own !== undefined && base !== undefined) {
      this.#outcomes.set(vertex.digest, { snapshot: base.with(this.options.shop.layers.open(own)) });
      return told(vertex, { verdict: 'hit', key: found.key.digest, duration: found.duration });
    }
    // What a copy gives is known without doing it; what a program gives is not.
    const outcome =
      isExecution(vertex) || base === undefined
        ? { snapshot: undefined, from: [vertex] }
        : { snapshot: base.with(await tried.prepared.make()) };
    this.#outcomes.set(vertex.digest, outcome);
    const { contents } = tried;
    return this.#miss(vertex, { key, refusal: facts?.refusal, stale: facts?.record, contents });
  }

  /** Some input is not known. A step that differs in itself misses whatever that input will be. */
  async #undecided(
    vertex: Vertex,
    key: CacheKey,
    { waitsFor, facts }: { readonly waitsFor: readonly Vertex[]; readonly facts: Facts | undefined },
  ): Promise<StepForecast> {
    this.#outcomes.set(vertex.digest, { snapshot: undefined, from: waitsFor });
    const miss = await this.#miss(vertex, { key, refusal: facts?.refusal });
    const record = usableRecord(facts);
    const { explanation } = miss;
    const onlyInputs =
      explanation?.kind === 'changed' &&
      explanation.causes.every(({ kind }) => kind === 'step' || kind === 'base');
    if (record === undefined && !onlyInputs && miss.verdict === 'miss') return miss;
    return {
      ...miss,
      verdict: 'depends',
      dependsOn: waitsFor.map(({ origin }) => origin.name),
      explanation: record === undefined ? explanation : undefined,
      duration: record?.duration ?? miss.duration,
    };
  }

  async #miss(vertex: Vertex, miss: Miss): Promise<StepForecast> {
    const explanation = await this.#explainer.explain(vertex, miss);
    const nearest = await this.#explainer.nearest(vertex, miss.key);
    const known = { key: miss.key.digest, duration: nearest?.duration };
    // Copied before and not kept: looked up in its source again.
    const isHit = explanation.kind === 'gone' && !isExecution(vertex);
    return told(vertex, isHit ? { verdict: 'hit', ...known } : { verdict: 'miss', ...known, explanation });
  }

  #unknownInputs(vertex: Vertex): readonly Vertex[] {
    const found = vertex.inputs.flatMap((input) => {
      const outcome = this.#outcomes.get(input.digest);
      if (outcome === undefined) return [input];
      return outcome.snapshot === undefined ? outcome.from : [];
    });
    return [...new Set(found)];
  }

  /** Undefined when the content of a base would have to be fetched first. */
  async #attempt(vertex: Vertex): Promise<Attempt | undefined> {
    const inputs = vertex.inputs.map((input) => this.#outcomes.get(input.digest)?.snapshot ?? Snapshot.empty);
    try {
      return await attempt(vertex, inputs, this.options.shop);
    } catch (error) {
      if (error instanceof NotFetched) return undefined;
      throw error;
    }
  }
}

interface Known {
  readonly facts: Facts | undefined;
  readonly plan: Plan;
}

/** Thrown by a `fetch` that is not to be done for a forecast. */
export class NotFetched extends TsbuildError {
  constructor() {
    super('store', 'the content of a base image is not in the store');
  }
}

function basesOf(vertex: Vertex): readonly Vertex[] {
  return ancestry(vertex).filter(({ op }) => op.kind === 'image');
}

function told(
  vertex: Vertex,
  {
    verdict,
    key,
    explanation,
    duration,
  }: Pick<StepForecast, 'verdict' | 'key'> & Partial<Pick<StepForecast, 'explanation' | 'duration'>>,
): StepForecast {
  const { name, identity, range } = vertex.origin;
  const { stage, instruction } = identity;
  return {
    step: vertex.digest,
    name,
    stage,
    instruction,
    range,
    verdict,
    key,
    dependsOn: [],
    explanation,
    duration,
  };
}
