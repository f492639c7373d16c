import pLimit from 'p-limit';
import type { LayerStore } from '../../layers/layer-store.js';
import type { LayerId, LayerRef } from '../../layers/layer.js';
import { digestOf, hexOf, type Digest } from '../../oci/digest.js';
import type { Job } from '../../progress/event.js';
import type { Store } from '../../store/store.js';
import { TsbuildError } from '../../util/errors.js';
import { once } from '../../util/once.js';
import { makeKey } from '../key.js';
import { unknownValue } from '../recipe-value.js';
import type { CacheKey, CacheRecord, StepIdentity } from '../types.js';
import { noContent, recordName, type CacheContent, type KeptLayer, type KeptRecord } from './content.js';
import { saltedKey, saltedLabel, saltedPart, saltedStep } from './salt.js';
import { saltsOf } from './select-records.js';
import type { RemoteStorage } from './storage.js';

/** What a hit needs of the machine: the layers of the running build. */
export interface Landing {
  readonly layers: LayerStore;
  readonly store: Store;
  /** Layers that a remote cache promised and did not have. */
  readonly lost: ReadonlySet<LayerId>;
}

/**
 * The records of one remote cache, read when the first is asked for. A record is found by its key, so it can only be
 * given for the step that it was made for; its layers are compared with their ids when their bytes are used. Whatever
 * is wrong with a cache is told in one warning, and its records are misses.
 */
export class RemoteSource {
  #warned = false;
  /** Layers that were made known here, with their blobs. */
  readonly #landed = new Map<LayerId, { readonly ref: LayerRef; readonly blob: Digest }>();
  readonly #landings = new WeakMap<LayerStore, Map<LayerId, Promise<boolean>>>();

  constructor(
    readonly storage: RemoteStorage,
    private readonly job: Job,
  ) {}

  /** Never fails but by being cancelled. */
  readonly content = once(async (): Promise<CacheContent> => {
    const step = `import ${this.storage.name}`;
    this.job.emit({ kind: 'declared', step, name: `importing cache from ${this.storage.name}` });
    this.job.emit({ kind: 'started', step });
    const content = await this.#load();
    this.job.emit({ kind: 'finished', step, outcome: 'done' });
    return content;
  });

  async lookup(
    key: CacheKey,
    step: StepIdentity,
    landing: Landing,
  ): Promise<CacheRecord<LayerRef> | undefined> {
    const content = await this.content();
    const found = (await this.#index()).salts
      .map((salt) => content.records.get(recordName({ salt, key: saltedKey(salt, key.digest) })))
      .find((record) => record !== undefined);
    if (found === undefined || found.snapshot.some((id) => landing.lost.has(id))) return undefined;
    const snapshot = found.snapshot.map((id) => content.layers.get(id));
    const landed = snapshot.map(async (layer) => layer !== undefined && (await this.#land(layer, landing)));
    if (!(await Promise.all(landed)).every(Boolean)) return undefined;
    const { by, own, inputs, chains, duration } = found;
    const refs = snapshot.flatMap((layer) => (layer === undefined ? [] : [layer.ref]));
    // A time that is still to come would outlive every lifetime.
    const created = Math.min(found.created, Date.now());
    return { key, by, step, snapshot: refs, own, inputs, chains, created, duration };
  }

  /**
   * Records by definition of the same step for explanations. Values of their recipes are known where they are those
   * of `now`; others are `unknownValue`.
   */
  async previous(step: StepIdentity, now: CacheKey): Promise<readonly CacheRecord<LayerRef>[]> {
    const content = await this.content();
    const records = [...content.records.values()].filter(({ by }) => by === 'definition');
    const { salts } = await this.#index();
    const names = new Map(salts.map((salt) => [salt, saltedStep(salt, step)]));
    const sameText = records.filter(({ salt, text }) => names.get(salt)?.text === text);
    const newest = sameText.sort((a, b) => b.created - a.created).slice(0, 8);
    return newest.map((record) => restored(record, step, now));
  }

  /** Tells once what is wrong with this cache. */
  warn(problem: string): void {
    if (this.#warned) return;
    this.#warned = true;
    const message = `the cache ${this.storage.name} is not used where it is damaged: ${problem}`;
    this.job.emit({ kind: 'warning', message });
  }

  /** When one layer was lost others may be too: asks for all that were made known here, and gives those that are gone. */
  async lostLayers(landing: Landing): Promise<readonly LayerId[]> {
    const limit = pLimit(8);
    const checked = [...this.#landed].map(([id, { ref, blob }]) =>
      limit(async (): Promise<readonly LayerId[]> => {
        if (landing.lost.has(id) || (await this.#isThere(blob))) return [];
        await landing.layers.losePlace(ref);
        return [id];
      }),
    );
    return (await Promise.all(checked)).flat();
  }

  async #isThere(blob: Digest): Promise<boolean> {
    try {
      return await this.storage.has(blob);
    } catch (error) {
      if (!(error instanceof TsbuildError) || error.code === 'cancelled') throw error;
      return false;
    }
  }

  async #load(): Promise<CacheContent> {
    try {
      const { content, problems } = await this.storage.load();
      const [problem] = problems;
      if (problem !== undefined) this.warn(problem);
      return content;
    } catch (error) {
      if (!(error instanceof TsbuildError) || error.code === 'cancelled') throw error;
      this.warn(error.message);
      return noContent;
    }
  }

  /** Once for each layer of a build: it stands in the snapshots of all steps above it. */
  #land(layer: KeptLayer, landing: Landing): Promise<boolean> {
    const known = this.#landings.get(landing.layers) ?? new Map<LayerId, Promise<boolean>>();
    this.#landings.set(landing.layers, known);
    const begun = known.get(layer.ref.id) ?? this.#landWithClamped(layer, landing);
    known.set(layer.ref.id, begun);
    return begun;
  }

  /** A layer, and the forms of it with clamped times that an image may need. */
  async #landWithClamped(layer: KeptLayer, landing: Landing): Promise<boolean> {
    if (!(await this.#landPlace(layer, landing))) return false;
    const { layers } = await this.content();
    for (const [key, id] of (await this.#index()).clamped.get(layer.ref.id) ?? []) {
      const clamped = layers.get(id);
      if (clamped === undefined || (id !== layer.ref.id && !(await this.#landPlace(clamped, landing))))
        continue;
      await landing.store.records('layer-clamped').put(hexOf(digestOf(key)), clamped.ref);
    }
    return true;
  }

  /** Makes a layer known here; false when its bytes cannot be had. */
  async #landPlace({ ref, place }: KeptLayer, { layers }: Landing): Promise<boolean> {
    if (ref.empty || (await layers.available(ref))) return true;
    if (place === undefined) return false;
    const { diffId, size, blob, changeset, lines } = place;
    await layers.keepPlace(ref, {
      diffId,
      size,
      blob: this.storage.locate(blob),
      ...(lines === undefined ? {} : { lines }),
      ...(changeset === undefined ? {} : { changeset: this.storage.locate(changeset) }),
    });
    this.#landed.set(ref.id, { ref, blob: blob.digest });
    return true;
  }

  /** What is looked for in the content, by what it is looked for with. */
  readonly #index = once(async () => {
    const content = await this.content();
    const clamped = new Map<string, [key: string, LayerId][]>();
    for (const [key, id] of content.clamped) {
      const layer = key.slice(0, key.indexOf(' '));
      clamped.set(layer, [...(clamped.get(layer) ?? []), [key, id]]);
    }
    return { salts: saltsOf(content), clamped };
  });
}

function restored(record: KeptRecord, step: StepIdentity, now: CacheKey): CacheRecord<LayerRef> {
  const { salt, by, own, inputs, chains, created, duration } = record;
  const values = new Map(now.recipe.map(([label, value]) => [saltedPart(salt, label, value), value]));
  const labels = new Map(now.recipe.map(([label]) => [saltedLabel(salt, label), label]));
  const recipe = record.recipe.map(([label, value]): readonly [string, string] => [
    labels.get(label) ?? label,
    values.get(value) ?? unknownValue,
  ]);
  return {
    key: makeKey(recipe),
    by,
    step,
    snapshot: [],
    own,
    inputs,
    chains,
    created,
    duration,
  };
}
