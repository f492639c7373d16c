import { createGzip } from 'node:zlib';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import pLimit from 'p-limit';
import { serialiseChangeset } from '../../layers/changeset-json.js';
import { isLayerRef, type Layer, type LayerId, type LayerRef } from '../../layers/layer.js';
import type { LayerStore } from '../../layers/layer-store.js';
import type { Changeset } from '../../layers/types.js';
import { digestOf, hexOf } from '../../oci/digest.js';
import type { Compression } from '../../oci/media-types.js';
import type { Descriptor } from '../../oci/types.js';
import type { Job } from '../../progress/event.js';
import type { Store } from '../../store/store.js';
import { once } from '../../util/once.js';
import type { CacheRecord, StepIdentity } from '../types.js';
import { cacheTypes } from './artifact.js';
import {
  clampKey,
  recordName,
  type CacheContent,
  type KeptLayer,
  type KeptMount,
  type KeptPlace,
} from './content.js';
import type { RemoteSource } from './remote-source.js';
import { newSalt } from './salt.js';
import type { OutgoingBlob } from './storage.js';
import { isKept, saltedRecord, saltsOf, selectRecords, type CacheMode } from './select-records.js';

export interface ExporterOptions {
  /** Where to, and what is there already. */
  readonly target: RemoteSource;
  readonly mode: CacheMode;
  readonly compression: Compression;
  readonly compressionLevel: number | undefined;
  readonly layers: LayerStore;
  readonly store: Store;
  readonly job: Job;
  /** Layers that the target promised and did not have: they are sent again. */
  readonly lost: ReadonlySet<LayerId>;
  /** Whether a step makes a layer of the image. Steps of other stages are of no use with `min`. */
  readonly isOfImage: (step: StepIdentity) => boolean;
}

/** An image that a build ended with. */
export interface Built {
  /** Layers of the image before their times were clamped, from the bottom up. */
  readonly image: readonly LayerRef[];
  /** Seconds since 1970. */
  readonly epoch: number | undefined;
}

/** What a build found or made when it ended well. */
export interface BuiltImages {
  readonly records: readonly CacheRecord<LayerRef>[];
  readonly images: readonly Built[];
}

export interface Exported extends BuiltImages {
  readonly mounts: readonly KeptMount[];
}

interface News {
  readonly fresh: readonly CacheRecord<LayerRef>[];
  readonly clamped: readonly Clamped[];
  readonly refs: readonly LayerRef[];
}

/** Layers that are packed and sent at a time. */
const parallel = 4;
/** Characters of a changeset that goes into the records, which every reader loads. */
const longestLines = 2048;
/** Bytes of a layer that is sent while it is compressed. */
const largeLayer = 1024 * 1024;

/**
 * Adds the results of one build to a remote cache. Layers are sent while the build goes on; the records follow when it
 * has ended. What the cache has already is neither packed nor asked for.
 */
export class CacheExporter {
  readonly #limit = pLimit(parallel);
  readonly #kept = new Map<LayerId, Promise<KeptLayer>>();

  constructor(private readonly options: ExporterOptions) {}

  get target(): RemoteSource {
    return this.options.target;
  }

  /** Begins to send the layer of a result. A failure is met again when the build has ended. */
  offer({ snapshot, step }: CacheRecord<LayerRef>): void {
    const own = snapshot.at(-1);
    const { mode, isOfImage } = this.options;
    if (own !== undefined && (mode === 'max' || isOfImage(step))) this.#keep(own).catch(() => undefined);
  }

  /** Waits until the layers of what is new are sent, or could not be: `finish` tells. */
  async sendLayers(built: BuiltImages): Promise<void> {
    const { refs } = await this.#news(built);
    await Promise.allSettled(refs.map((ref) => this.#keep(ref)));
  }

  async finish({ mounts, ...built }: Exported): Promise<void> {
    const { target } = this.options;
    const { fresh, clamped, refs } = await this.#news(built);
    if (refs.length === 0 && mounts.length === 0) return;
    const layers = await Promise.all(refs.map((ref) => this.#keep(ref)));
    const salt = saltsOf(await target.content())[0] ?? newSalt();
    const salted = fresh.map((record) => saltedRecord(record, salt));
    await this.#declared();
    await target.storage.add({
      layers: new Map(layers.map((layer) => [layer.ref.id, layer])),
      clamped: new Map(clamped.map(({ key, to }) => [key, to.id])),
      records: new Map(salted.map((record) => [recordName(record), record])),
      mounts: new Map(mounts.map((mount) => [mount.name, mount])),
    });
  }

  /** What the cache does not have yet, and the layers that it stands on, each once. */
  async #news({ records, images }: BuiltImages): Promise<News> {
    const { target, mode, lost } = this.options;
    const known = await target.content();
    const chosen = new Set(images.flatMap(({ image }) => selectRecords(records, mode, image)));
    const isLost = ({ snapshot }: CacheRecord<LayerRef>) => snapshot.some(({ id }) => lost.has(id));
    const fresh = [...chosen].filter((record) => isLost(record) || !isKept(record, known));
    const clamped = (await Promise.all(images.map((built) => this.#clamped(built, known)))).flat();
    const refs = [
      ...fresh.flatMap(({ snapshot }) => snapshot),
      ...clamped.flatMap(({ from, to }) => [from, to]),
    ];
    return { fresh, clamped, refs: [...new Map(refs.map((ref) => [ref.id, ref])).values()] };
  }

  /** Declares the step that transfers belong to. */
  readonly #declared = once(async (): Promise<void> => {
    const { job, target } = this.options;
    const step = exportStep(target.storage.name);
    job.emit({ kind: 'declared', step, name: `exporting cache to ${target.storage.name}` });
    job.emit({ kind: 'started', step });
    await Promise.resolve();
  });

  /** Ends the step, if anything was sent. */
  ended(error?: Error): void {
    const { job, target } = this.options;
    const step = exportStep(target.storage.name);
    const failed = error === undefined ? {} : { error: error.message };
    void this.#declared().then(() =>
      job.emit({ kind: 'finished', step, outcome: error === undefined ? 'done' : 'failed', ...failed }),
    );
  }

  /** Forms with clamped times of the image's layers that the cache does not have. */
  async #clamped({ image, epoch }: Built, known: CacheContent): Promise<readonly Clamped[]> {
    if (epoch === undefined) return [];
    const found = await Promise.all(
      image.map(async (from): Promise<Clamped[]> => {
        const key = clampKey(from.id, epoch);
        const to = await this.options.store.records('layer-clamped').get(hexOf(digestOf(key)));
        return known.clamped.has(key) || !isLayerRef(to) || to.id === from.id ? [] : [{ key, from, to }];
      }),
    );
    return found.flat();
  }

  #keep(ref: LayerRef): Promise<KeptLayer> {
    const known = this.#kept.get(ref.id);
    if (known !== undefined) return known;
    const kept = this.#limit(() => this.#send(ref)).catch((error: unknown) => {
      this.#kept.delete(ref.id);
      throw error;
    });
    this.#kept.set(ref.id, kept);
    return kept;
  }

  async #send(ref: LayerRef): Promise<KeptLayer> {
    if (ref.empty) return { ref };
    const { target, layers, lost } = this.options;
    const there = (await target.content()).layers.get(ref.id);
    if (there?.place !== undefined && !lost.has(ref.id)) return there;
    const layer = layers.open(ref);
    if (await isBase(layer)) return { ref };
    await this.#declared();
    const place = {
      ...(await layer.plain()),
      blob: await this.#sendBlob(layer),
      ...(await this.#describe(layer)),
    };
    await this.#remember(ref, place);
    return { ref, place };
  }

  async #sendBlob(layer: Layer): Promise<Descriptor> {
    const { compression, compressionLevel: level, store, target } = this.options;
    const known = await layer.knownBlob(compression, { level });
    const isLarge = known === undefined && (await layer.plain()).size >= largeLayer;
    let begun: OutgoingBlob['begun'];
    const onBegun = (read: (offset?: number) => AsyncIterable<Uint8Array>): void => {
      begun = target.storage.begin?.(read, `layer ${layer.ref.id.slice(7, 19)}`);
    };
    const make = () => layer.blob(compression, { level });
    const descriptor =
      known?.descriptor ?? (await layer.blob(compression, isLarge ? { level, onBegun } : { level }));
    await target.storage.put({
      descriptor,
      begun,
      open: (offset = 0) => blobBytes(make, store, offset),
      ...(known?.repository === undefined ? {} : { from: known.repository }),
    });
    return descriptor;
  }

  /** A small changeset goes into the records, another one is a blob. */
  async #describe(layer: Layer): Promise<Pick<KeptPlace, 'changeset' | 'lines'>> {
    const changeset = await layer.changeset();
    const lines = shortLines(changeset);
    return lines === undefined ? { changeset: await this.#sendChangeset(changeset) } : { lines };
  }

  async #sendChangeset(changeset: Changeset): Promise<Descriptor> {
    const { store, target } = this.options;
    const writer = await store.blobs.writer();
    try {
      const lines = Readable.from(withEnds(serialiseChangeset(changeset)));
      await pipeline(lines, createGzip({ level: 6 }), async (chunks: AsyncIterable<Uint8Array>) => {
        for await (const chunk of chunks) await writer.write(chunk);
      });
      const descriptor = { mediaType: cacheTypes.changeset, ...(await writer.commit()) };
      await target.storage.put({ descriptor, open: () => store.blobs.open(descriptor.digest) });
      return descriptor;
    } finally {
      await writer.abort();
    }
  }

  /** A registry that has a layer now can give it back, and mount it where the image is pushed to. */
  async #remember(ref: LayerRef, { diffId, size, blob, changeset, lines }: KeptPlace): Promise<void> {
    const { target, layers } = this.options;
    const located = target.storage.locate(blob);
    if (located.repository === undefined) return;
    await layers.keepPlace(ref, {
      diffId,
      size,
      blob: located,
      ...(lines === undefined ? {} : { lines }),
      ...(changeset === undefined ? {} : { changeset: target.storage.locate(changeset) }),
    });
  }
}

interface Clamped {
  readonly key: string;
  readonly from: LayerRef;
  readonly to: LayerRef;
}

/** The step that transfers to a cache belong to. */
export function exportStep(name: string): string {
  return `export cache ${name}`;
}

/** A layer of a base image stays in the registry that it came from. */
async function isBase(layer: Layer): Promise<boolean> {
  const repository = (await layer.elsewhere())?.repository;
  return repository !== undefined && String(await layer.diffId()) === layer.ref.id;
}

async function* blobBytes(
  make: () => Promise<Descriptor>,
  store: Store,
  offset: number,
): AsyncGenerator<Uint8Array> {
  const { digest, size } = await make();
  let left = offset;
  for await (const chunk of store.blobs.open(digest, size)) {
    if (left < chunk.length) yield left === 0 ? chunk : chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

/** The lines of a changeset, if they are no more than fit into the records. */
function shortLines(changeset: Changeset): string | undefined {
  const lines: string[] = [];
  let size = 0;
  for (const line of serialiseChangeset(changeset)) {
    size += line.length + 1;
    if (size > longestLines) return undefined;
    lines.push(line);
  }
  return lines.join('\n');
}

function* withEnds(lines: Iterable<string>): Generator<string> {
  for (const line of lines) yield `${line}\n`;
}
