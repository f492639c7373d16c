import { makeKey } from '../cache/key.js';
import type { Cache, CacheKey, CacheRecord } from '../cache/types.js';
import type { LayerRef } from '../layers/layer.js';
import type { Digest } from '../oci/digest.js';
import { entersByKey, isSource, ownRecipe } from './dispatch.js';
import { locatedError } from './located-error.js';
import type { Facts, Refusal } from './plan.js';
import type { SolverOptions } from './solver.js';
import { ancestry, type Vertex } from './vertex.js';

/** The definition keys of vertices and what the cache has for them. Nothing is built for it. */
export class Ledger {
  readonly #keys = new Map<Digest, Promise<CacheKey>>();

  constructor(private readonly options: SolverOptions) {}

  /** The facts of all vertices that the targets need and that are no sources. */
  async facts(targets: readonly Vertex[]): Promise<ReadonlyMap<Digest, Facts>> {
    const vertices = ancestry(...targets).filter((vertex) => !isSource(vertex));
    const found = await Promise.all(vertices.map((vertex) => this.#facts(vertex)));
    return new Map(vertices.flatMap(({ digest }, i) => (found[i] === undefined ? [] : [[digest, found[i]]])));
  }

  /** Throws what reading the context throws, with the place of the instruction. */
  key(vertex: Vertex): Promise<CacheKey> {
    const known = this.#keys.get(vertex.digest);
    if (known !== undefined) return known;
    const key = this.#makeKey(vertex).catch((error: unknown) => {
      throw locatedError(error, vertex, this.options.source);
    });
    this.#keys.set(vertex.digest, key);
    return key;
  }

  /** Why a result made at `created` (milliseconds since 1970) does not count; undefined when it does. */
  refusal({ origin, op }: Vertex, created: number): Refusal | undefined {
    if (origin.ignoreCache) return { why: 'asked' };
    const ttl = op.kind === 'exec' ? (origin.ttl ?? this.options.ttl) : undefined;
    const age = this.options.shop.now() - created;
    return ttl !== undefined && age > ttl ? { why: 'expired', age, ttl } : undefined;
  }

  /** The record of a key unless it is refused. */
  async lookup(vertex: Vertex, key: CacheKey): Promise<CacheRecord<LayerRef> | undefined> {
    if (vertex.origin.ignoreCache) return undefined;
    const record = await this.#cache.lookup(key, vertex.origin.identity);
    return record === undefined || this.refusal(vertex, record.created) !== undefined ? undefined : record;
  }

  /** The record of a vertex's own definition key when only the layers that it names are gone. */
  async lost(vertex: Vertex): Promise<CacheRecord<LayerRef> | undefined> {
    if (vertex.origin.ignoreCache) return undefined;
    const key = await this.key(vertex);
    const earlier = await this.#cache.previous(vertex.origin.identity, key);
    return earlier.find((record) => record.key.digest === key.digest);
  }

  get #cache(): Cache<LayerRef> {
    return this.options.cache;
  }

  async #facts(vertex: Vertex): Promise<Facts> {
    const key = await this.key(vertex);
    if (vertex.origin.ignoreCache) return { record: undefined, refusal: { why: 'asked' } };
    const record = await this.#cache.lookup(key, vertex.origin.identity);
    return { record, refusal: record && this.refusal(vertex, record.created) };
  }

  async #makeKey(vertex: Vertex): Promise<CacheKey> {
    const own = await ownRecipe(vertex, this.options.shop);
    const inputs = await Promise.all(
      vertex.inputs.map(async (input, i): Promise<[string, string][]> =>
        entersByKey(input) ? [[inputLabel(input, i), await this.#inputValue(input)]] : [],
      ),
    );
    return makeKey([...own, ...inputs.flat()]);
  }

  /** An image enters by its digest, so that a miss can tell it. */
  async #inputValue(input: Vertex): Promise<string> {
    return input.op.kind === 'image' ? input.op.config : (await this.key(input)).digest;
  }
}

/** How a recipe names an input; the same in every build, so that recipes can be compared. */
function inputLabel({ op }: Vertex, place: number): string {
  if (op.kind === 'image') return place === 0 ? 'the base image' : `the image of source ${place}`;
  return place === 0 ? 'the result of the step before' : `the result of source ${place}`;
}

/** The number of the input that a label of a recipe means; undefined for other labels. */
export function inputOfLabel(label: string): number | undefined {
  if (label === 'the base image' || label === 'the result of the step before') return 0;
  const [, number] = /^the (?:image|result) of source (\d+)$/.exec(label) ?? [];
  return number === undefined ? undefined : Number(number);
}
