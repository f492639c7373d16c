import { CacheExporter, type Built, type BuiltImages } from '../cache/remote/cache-exporter.js';
import { CombinedCache } from '../cache/remote/combined-cache.js';
import { inlineExport } from '../cache/remote/inline-export.js';
import { inlineValue } from '../cache/remote/inline.js';
import { openStorage, type StorageTools } from '../cache/remote/open-storage.js';
import type { CacheSourceOption, CacheTargetOption } from '../cache/remote/options.js';
import { RemoteSource } from '../cache/remote/remote-source.js';
import type { Cache, CacheRecord, StepIdentity } from '../cache/types.js';
import type { CacheMounts } from '../executor/cache-mounts.js';
import { chainDigest } from '../graph/chain.js';
import type { Vertex } from '../graph/vertex.js';
import type { LayerId, LayerRef, RemoteBlob } from '../layers/layer.js';
import type { LayerStore } from '../layers/layer-store.js';
import type { Descriptor } from '../oci/types.js';
import type { Store } from '../store/store.js';
import { TsbuildError } from '../util/errors.js';
import { TravellingMounts } from './travelling-mounts.js';

/** `--cache-from` and `--cache-to`. */
export interface CacheOptions {
  readonly from: readonly CacheSourceOption[];
  readonly to: readonly CacheTargetOption[];
}

export interface RemoteCacheTools extends StorageTools {
  readonly store: Store;
}

interface Target {
  readonly option: CacheTargetOption;
  readonly source: RemoteSource;
}

/** The remote caches of one build. They are read at most once, also when the build is begun again. */
export class RemoteCaches {
  /** Layers that a cache promised and did not have. */
  readonly lost = new Set<LayerId>();

  private constructor(
    private readonly options: CacheOptions,
    private readonly tools: RemoteCacheTools,
    private readonly known: {
      readonly sources: readonly RemoteSource[];
      readonly targets: readonly Target[];
    },
  ) {}

  #mounts: TravellingMounts | undefined;

  /** Undefined when no cache was asked for. */
  static async open(options: CacheOptions, tools: RemoteCacheTools): Promise<RemoteCaches | undefined> {
    if (options.from.length + options.to.length === 0) return undefined;
    const opened = new Map<string, RemoteSource>();
    const open = async (place: CacheSourceOption['place']): Promise<RemoteSource> => {
      const key = JSON.stringify(place);
      const source = opened.get(key) ?? new RemoteSource(await openStorage(place, tools), tools.job);
      opened.set(key, source);
      return source;
    };
    const sources: RemoteSource[] = [];
    for (const { place } of options.from) sources.push(await open(place));
    const targets: Target[] = [];
    for (const option of options.to) {
      if (option.place !== undefined) targets.push({ option, source: await open(option.place) });
    }
    return new RemoteCaches(options, tools, { sources, targets });
  }

  get #isInline(): boolean {
    return this.options.to.some(({ place }) => place === undefined);
  }

  /** Cache mounts of one attempt at the build; see `CacheMounts`. */
  cacheMounts(root: string, namespace: string): CacheMounts {
    const { store, job } = this.tools;
    this.#mounts = new TravellingMounts(root, namespace, { store, job, sources: this.known.sources });
    return this.#mounts;
  }

  canFetch({ cache }: RemoteBlob): boolean {
    return cache !== undefined && this.#byName(cache) !== undefined;
  }

  /** Streams a blob of a cache that is no repository. Throws `store` when the cache was not given. */
  fetch(blob: { readonly descriptor: Descriptor; readonly cache: string }): AsyncIterable<Uint8Array> {
    const source = this.#byName(blob.cache);
    if (source !== undefined) return source.storage.open(blob.descriptor);
    throw new TsbuildError('store', `the cache ${blob.cache} is not among those of --cache-from`);
  }

  /** A cache of one attempt at the build of some images: the local one and the remote ones behind it. */
  async attach(
    local: Cache<LayerRef>,
    layers: LayerStore,
    images: readonly Vertex[],
  ): Promise<AttachedCaches> {
    const { store, job } = this.tools;
    const landing = { layers, store, lost: this.lost };
    if (this.lost.size > 0) {
      for (const source of this.known.sources) {
        for (const layer of await source.lostLayers(landing)) this.lost.add(layer);
      }
    }
    const steps = new Set(images.flatMap(stepsOf).map(stepName));
    const isOfImage = (step: StepIdentity): boolean => steps.has(stepName(step));
    const exporters = this.known.targets.map(({ option, source }) => ({
      option,
      exporter: new CacheExporter({
        target: source,
        ...option,
        layers,
        store,
        job,
        lost: this.lost,
        isOfImage,
      }),
    }));
    const onUsed = (record: CacheRecord<LayerRef>): void => {
      for (const { exporter } of exporters) exporter.offer(record);
    };
    const cache = new CombinedCache({ local, sources: this.known.sources, landing, onUsed });
    return {
      cache,
      finish: (images) => this.#finish(exporters, { images, records: cache.used }),
      inline: async ({ image, epoch }) =>
        this.#isInline
          ? inlineValue(
              await inlineExport({ records: cache.used, image, epoch, chainOf: chainDigest, layers, store }),
            )
          : undefined,
    };
  }

  #finish(targets: readonly OpenTarget[], built: BuiltImages): CacheExport {
    const sent = Promise.allSettled(targets.map(({ exporter }) => exporter.sendLayers(built)));
    const layersSent = sent.then(() => undefined);
    const done = layersSent.then(() => this.#write(targets, built));
    // Whoever waits for it is told.
    done.catch(() => undefined);
    return { layersSent, done };
  }

  async #write(targets: readonly OpenTarget[], built: BuiltImages): Promise<void> {
    for (const { option, exporter } of targets) {
      try {
        const mounts = (await this.#mounts?.save(option, exporter.target)) ?? [];
        await exporter.finish({ ...built, mounts });
        exporter.ended();
      } catch (error) {
        exporter.ended(error instanceof Error ? error : new Error(String(error)));
        if (!option.ignoreError || !(error instanceof TsbuildError) || error.code === 'cancelled')
          throw error;
        this.tools.job.emit({ kind: 'warning', message: `the cache was not written: ${error.message}` });
      }
    }
  }

  #byName(name: string): RemoteSource | undefined {
    const { sources, targets } = this.known;
    return [...sources, ...targets.map(({ source }) => source)].find(({ storage }) => storage.name === name);
  }
}

/** The steps that make the layers of an image: each stands on its first input. */
function stepsOf(image: Vertex): readonly StepIdentity[] {
  const steps: StepIdentity[] = [];
  for (let vertex: Vertex | undefined = image; vertex !== undefined; [vertex] = vertex.inputs)
    steps.push(vertex.origin.identity);
  return steps;
}

function stepName({ stage, place }: StepIdentity): string {
  return `${stage} ${place}`;
}

interface OpenTarget {
  readonly option: CacheTargetOption;
  readonly exporter: CacheExporter;
}

/** The writing of the caches of `--cache-to`, under way. */
export interface CacheExport {
  /** From now on a registry can mount the layers. Never fails. */
  readonly layersSent: Promise<void>;
  readonly done: Promise<void>;
}

export interface AttachedCaches {
  readonly cache: CombinedCache;
  /** Writes what this build found or made to the caches of `--cache-to`. */
  finish(images: readonly Built[]): CacheExport;
  /** The records of the image's own layers for its config (see `inlineKey`); undefined without `type=inline`. */
  inline(image: Built): Promise<string | undefined>;
}
