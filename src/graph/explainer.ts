import {
  causeOf,
  changeOf,
  differences,
  type Cause,
  type Difference,
  type Explanation,
} from '../cache/explain.js';
import { compareListings, listFiles, type FileChange, type FileListing } from '../cache/file-listing.js';
import { isUnknown } from '../cache/recipe-value.js';
import type { CacheKey, CacheRecord, StepIdentity } from '../cache/types.js';
import type { LayerRef } from '../layers/layer.js';
import { joinPath } from '../layers/path.js';
import { isDigest, type Digest } from '../oci/digest.js';
import { isExecution, isSource, selectionsOf } from './dispatch.js';
import { inputOfLabel, type Ledger } from './ledger.js';
import type { Refusal } from './plan.js';
import type { SolverOptions } from './solver.js';
import { ancestry, type Vertex } from './vertex.js';

/** What is known of a miss besides its key. */
export interface Miss {
  readonly key: CacheKey;
  readonly refusal?: Refusal | undefined;
  /** The record of this very key, when its inputs had another content. */
  readonly stale?: CacheRecord<LayerRef> | undefined;
  /** Content digests of the inputs, when they are known. */
  readonly contents?: readonly Digest[] | undefined;
}

type Selections = ReadonlyMap<Digest, FileListing>;

/** Says why steps miss, by the nearest earlier record of the same step. */
export class Explainer {
  readonly #texts: ReadonlySet<string>;

  constructor(
    private readonly options: SolverOptions,
    private readonly ledger: Pick<Ledger, 'key'>,
    targets: readonly Vertex[],
  ) {
    this.#texts = new Set(ancestry(...targets).map(({ origin }) => textKey(origin.identity)));
  }

  async explain(vertex: Vertex, { key, refusal, stale, contents = [] }: Miss): Promise<Explanation> {
    if (refusal?.why === 'asked') return { kind: 'asked' };
    if (refusal?.why === 'expired') return { kind: 'expired', age: refusal.age, ttl: refusal.ttl };
    const places =
      stale === undefined ? [] : contents.flatMap((digest, i) => (digest === stale.inputs[i] ? [] : [i]));
    if (places.length > 0)
      return {
        kind: 'changed',
        causes: places.map((place) => stepCause(behindCopies(vertex.inputs[place]))),
      };
    const nearest = await this.nearest(vertex, key);
    if (nearest === undefined) return { kind: 'first' };
    const { instruction } = vertex.origin.identity;
    if (nearest.step.instruction !== instruction) {
      return { kind: 'instruction', before: nearest.step.instruction, now: instruction };
    }
    const differing = differences(nearest.key.recipe, key.recipe);
    const isSame = differing.every(({ label }) =>
      holdsTheSame(inputOfLabel(label), nearest.inputs, contents),
    );
    if (nearest.key.digest === key.digest || (isSame && ownParts(nearest.key) === ownParts(key)))
      return { kind: 'gone' };
    if (isSame) return { kind: 'changed', causes: [orderCause] };
    const found = causesAmong(differing, { before: nearest.inputs, now: contents });
    return { kind: 'changed', causes: await this.#causes(vertex, found) };
  }

  /**
   * Of the same text the record that differs least, the newest of several; else the newest one at the same place,
   * unless its text stands elsewhere now: then this step was put in, not changed.
   */
  async nearest(vertex: Vertex, key: CacheKey): Promise<CacheRecord<LayerRef> | undefined> {
    const { identity } = vertex.origin;
    const earlier = await this.options.cache.previous(identity, key);
    const [best] = earlier
      .filter(({ step }) => step.instruction === identity.instruction)
      .map((record) => ({ record, distance: differences(record.key.recipe, key.recipe).length }))
      .sort((a, b) => a.distance - b.distance);
    return best?.record ?? earlier.find(({ step }) => !this.#texts.has(textKey(step)));
  }

  async #causes(vertex: Vertex, found: readonly Difference[]): Promise<readonly Cause[]> {
    const isFiles = ({ label }: Difference) => label.startsWith('files of ');
    const selections: Selections = found.some(isFiles) ? await this.#selections(vertex) : new Map();
    return Promise.all(
      found.map(async (difference): Promise<Cause> => {
        if (isFiles(difference)) return this.#filesCause(difference, selections);
        const place = inputOfLabel(difference.label);
        const input = place === undefined ? undefined : vertex.inputs[place];
        if (input === undefined || input.op.kind === 'image')
          return causeOf(difference, vertex.origin.buildArguments);
        return (await this.#rootCause(input, difference)) ?? stepCause(input);
      }),
    );
  }

  /**
   * What changed below a step of which nothing changed but what it lies on; undefined when something else did, or when
   * the record that `difference` names is not known. A step that ran again is a cause itself.
   */
  async #rootCause(vertex: Vertex, { before }: Difference): Promise<Cause | undefined> {
    if (isExecution(vertex)) return undefined;
    const key = await this.ledger.key(vertex);
    const earlier = await this.options.cache.previous(vertex.origin.identity, key);
    const record = earlier.find((known) => known.key.digest === before);
    const [difference, ...others] = record === undefined ? [] : differences(record.key.recipe, key.recipe);
    const [base] = vertex.inputs;
    if (difference === undefined || others.length > 0 || inputOfLabel(difference.label) !== 0)
      return undefined;
    if (base === undefined || base.op.kind === 'image')
      return causeOf(difference, vertex.origin.buildArguments);
    return (await this.#rootCause(base, difference)) ?? (await this.#known(base, difference));
  }

  /** The step as a cause, when it stood in the same place before. */
  async #known(vertex: Vertex, { before }: Difference): Promise<Cause | undefined> {
    const earlier = await this.options.cache.previous(vertex.origin.identity, await this.ledger.key(vertex));
    return earlier.some((known) => known.key.digest === before) ? stepCause(vertex) : undefined;
  }

  async #selections(vertex: Vertex): Promise<Selections> {
    const selected = await selectionsOf(vertex, this.options.shop);
    return new Map(selected.map(({ digest, entry }) => [digest, listFiles(entry)]));
  }

  async #filesCause({ label, before, now }: Difference, selections: Selections): Promise<Cause> {
    const cause = {
      kind: 'files',
      name: label.slice('files of '.length),
      change: changeOf(before, now),
    } as const;
    if (isUnknown(before)) return cause;
    const was = selectedPaths(before);
    const is = selectedPaths(now);
    const changes: FileChange[] = [];
    for (const path of [...new Set([...is.keys(), ...was.keys()])].sort()) {
      const old = was.get(path);
      const fresh = is.get(path);
      if (old === fresh) continue;
      if (old === undefined) changes.push({ path, change: 'added' });
      else if (fresh === undefined) changes.push({ path, change: 'removed' });
      else
        changes.push(...(await this.#compare(path, old, { digest: fresh, listing: selections.get(fresh) })));
    }
    return { ...cause, files: changes.map((change) => ({ ...change, path: change.path || cause.name })) };
  }

  async #compare(
    path: string,
    before: Digest,
    now: { readonly digest: Digest; readonly listing: FileListing | undefined },
  ): Promise<readonly FileChange[]> {
    const old = await this.options.listings.read(before);
    if (old === undefined || now.listing === undefined) return [];
    return compareListings(old, now.listing).map((change) => ({
      ...change,
      path: change.path === '' ? path : joinPath(path, change.path),
    }));
  }
}

/**
 * An input that was made in another way is no cause when it holds the same, and files are none when other ones are
 * asked for; of all causes at least one stays.
 */
function causesAmong(
  found: readonly Difference[],
  { before, now }: { readonly before: readonly Digest[]; readonly now: readonly Digest[] },
): readonly Difference[] {
  const otherSource = found.some(({ label }) => label.startsWith('source '));
  const causes = found.filter(({ label, ...values }) => {
    if (otherSource && label.startsWith('files of ') && changeOf(values.before, values.now) !== 'changed')
      return false;
    return !holdsTheSame(inputOfLabel(label), before, now);
  });
  return causes.length === 0 ? found : causes;
}

function holdsTheSame(place: number | undefined, before: readonly Digest[], now: readonly Digest[]): boolean {
  return place !== undefined && now[place] !== undefined && now[place] === before[place];
}

/** What of a key does not say how its inputs were made, in order. */
function ownParts({ recipe }: CacheKey): string {
  return JSON.stringify(recipe.filter(([label]) => inputOfLabel(label) === undefined));
}

/** Equal parts in another order: they are variables or patterns, whose order can matter. */
const orderCause: Cause = { kind: 'option', name: 'the order of variables', change: 'changed' };

function stepCause(vertex: Vertex | undefined): Cause {
  return { kind: 'step', name: vertex?.origin.name ?? 'a step', change: 'changed' };
}

/** The step below those that only put files of the context onto it: where a result changed that was made again. */
function behindCopies(vertex: Vertex | undefined): Vertex | undefined {
  if (vertex === undefined || isExecution(vertex)) return vertex;
  const [base, ...sources] = vertex.inputs;
  if (base === undefined || isSource(base) || !sources.every((source) => isSource(source))) return vertex;
  return behindCopies(base);
}

function textKey({ dockerfile, stage, instruction }: StepIdentity): string {
  return JSON.stringify([dockerfile, stage, instruction]);
}

/** Digests by path, of a part of a recipe: `path\0digest`, a digest alone, or a list of them as JSON. */
function selectedPaths(value: string | undefined): ReadonlyMap<string, Digest> {
  const parts = value === undefined ? [] : value.startsWith('[') ? listOf(value) : [value];
  return new Map(
    parts.flatMap((part): [string, Digest][] => {
      const end = part.lastIndexOf('\0');
      const digest = part.slice(end + 1);
      return isDigest(digest) ? [[part.slice(0, Math.max(end, 0)), digest]] : [];
    }),
  );
}

function listOf(json: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) ? value.filter((part) => typeof part === 'string') : [];
  } catch {
    // A path that starts with a bracket.
    return [json];
  }
}
