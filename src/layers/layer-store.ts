import { digestOf, hexOf, type DiffID } from '../oci/digest.js';
import type { Store } from '../store/store.js';
import { TsbuildError } from '../util/errors.js';
import { changesetIdentity } from './content-digest.js';
import { clampTimes, setTimes } from './changeset.js';
import { diff } from './diff.js';
import { isEmptyChangeset } from './tree.js';
import {
  isLayerRef,
  type Layer,
  type LayerId,
  type LayerPlace,
  type LayerRef,
  type RemoteBlob,
} from './layer.js';
import { pruneUnchangedDirectories } from './prune.js';
import type { LostOwners } from './restore-owners.js';
import { Snapshot } from './snapshot.js';
import { placesBucket, StoredLayer, type Origin } from './stored-layer.js';
import type { BodySource, Changeset, LayerDirectory, OverlayNamespace, Tree } from './types.js';

export interface LayerStoreOptions {
  readonly store: Store;
  /** Opens a blob that the store does not have. Verified by the reader. */
  readonly fetch: (blob: RemoteBlob) => AsyncIterable<Uint8Array>;
  /** Whether `fetch` knows where a blob is; those in repositories only by default. */
  readonly reachable?: (blob: RemoteBlob) => boolean;
  /** Told when what a place of a layer named could not be had or was something else. The place is forgotten. */
  readonly onLost?: (layer: LayerId) => void;
  /** Overlay attributes of the sandbox in use; asked when a directory form is first needed. */
  readonly namespace: () => Promise<OverlayNamespace>;
}

/** Makes layers and finds them again. One value per layer id, so that each form is derived once in a process. */
export class LayerStore {
  readonly #layers = new Map<LayerId, StoredLayer>();
  readonly #snapshots = new Map<string, Snapshot>();

  constructor(private readonly options: LayerStoreOptions) {}

  /** A layer known by its reference; nothing is read yet. */
  open(ref: LayerRef): Layer {
    return this.#layer(ref, undefined);
  }

  /** A layer that is a computed value: COPY, ADD and WORKDIR. */
  fromChangeset(changeset: Changeset, bodies: BodySource, created: number): Layer {
    return this.#layer(reference(changeset, created), { kind: 'changeset', changeset, bodies });
  }

  /**
   * A RUN's layer. Takes the upper directory over into the store; `base` is the tree that it lies on, `lost` the owners
   * that do not exist in it.
   */
  async fromUpper(
    base: Tree,
    upper: LayerDirectory,
    { created, lost }: { readonly created: number; readonly lost?: LostOwners | undefined },
  ): Promise<Layer> {
    const [{ readDirectoryForm }, { restoreOwners }] = await Promise.all([
      import('./walk-directory.js'),
      import('./restore-owners.js'),
    ]);
    const raw = await readDirectoryForm(upper);
    const owned = lost === undefined ? raw.changeset : restoreOwners(base, raw.changeset, lost);
    // A layer has no member for the root (layer-members.ts): what was made must not differ from what is read back.
    const changeset = { ...pruneUnchangedDirectories(base, owned), meta: undefined };
    const layer = this.#layer(reference(changeset, created), { kind: 'upper', changeset, upper });
    await layer.keep();
    return layer;
  }

  /** The layer with no file time after `epoch` (seconds since 1970); itself when it has none. */
  clamped(layer: Layer, epoch: number): Promise<Layer> {
    const time = BigInt(epoch) * 1_000_000_000n;
    return this.#retimed(layer, `${epoch}`, (changeset) => clampTimes(changeset, time));
  }

  /** The layer with `time` (seconds since 1970) as the time of every file. */
  stamped(layer: Layer, time: number): Promise<Layer> {
    const nanoseconds = BigInt(time) * 1_000_000_000n;
    return this.#retimed(layer, `=${time}`, (changeset) => setTimes(changeset, nanoseconds));
  }

  async #retimed(layer: Layer, times: string, change: (changeset: Changeset) => Changeset): Promise<Layer> {
    if (layer.ref.empty) return layer;
    const key = hexOf(digestOf(`${layer.ref.id} ${times}`));
    const known = await this.options.store.records('layer-clamped').get(key);
    if (isLayerRef(known) && (await this.available(known))) return this.open(known);
    const changeset = change(await layer.changeset());
    const body: BodySource = async (file) => {
      const found = await layer.body(file);
      if (found === undefined)
        throw new TsbuildError('store', `the content ${file.digest} of a file is not in its layer`);
      return found;
    };
    const retimed = this.fromChangeset(changeset, body, layer.ref.created);
    await retimed.keep();
    await this.options.store.records('layer-clamped').put(key, retimed.ref);
    return retimed;
  }

  /** One layer that leads from one root to another. */
  async squashed(from: Snapshot, to: Snapshot): Promise<Layer> {
    const changeset = { ...diff(await from.tree(), await to.tree()), meta: undefined };
    const created = Math.max(...to.layers.map(({ ref }) => ref.created));
    const layer = this.fromChangeset(changeset, (file) => to.body(file), created);
    await layer.keep();
    return layer;
  }

  /** A layer of a pulled or loaded image. Its blob is in the store or can be fetched; a known place is remembered. */
  async fromBlob(diffId: DiffID, blob: RemoteBlob, created: number): Promise<Layer> {
    const records = this.options.store.records('layer-remote');
    const known = blob.repository === undefined ? await records.get(hexOf(diffId)) : undefined;
    if (known === undefined) await records.put(hexOf(diffId), blob);
    return this.open({ id: diffId as unknown as LayerId, empty: false, created });
  }

  /** Remembers where a layer can be fetched that was made elsewhere, or is kept there as well. */
  async keepPlace({ id }: LayerRef, place: LayerPlace): Promise<void> {
    await this.options.store.records(placesBucket).put(hexOf(id), place);
    const pulled = this.options.store.records('layer-remote');
    // An image of the store names its layers by DiffID.
    if ((await pulled.get(hexOf(place.diffId))) === undefined)
      await pulled.put(hexOf(place.diffId), place.blob);
  }

  /** The place of a layer turned out to be empty. */
  async losePlace({ id }: LayerRef): Promise<void> {
    await this.options.store.records(placesBucket).delete(hexOf(id));
  }

  /** Snapshots of one chain of layers are one value, and so share their trees. */
  snapshot(refs: readonly LayerRef[]): Snapshot {
    let snapshot = Snapshot.empty;
    let key = '';
    for (const ref of refs) {
      key += hexOf(ref.id);
      const known = this.#snapshots.get(key) ?? snapshot.with(this.open(ref));
      this.#snapshots.set(key, known);
      snapshot = known;
    }
    return snapshot;
  }

  /** Whether every byte of the layer can still be had from the store or from a registry. */
  async available(ref: LayerRef): Promise<boolean> {
    return ref.empty || this.#layer(ref, undefined).available();
  }

  #layer(ref: LayerRef, origin: Origin | undefined): StoredLayer {
    const known = this.#layers.get(ref.id);
    // What was opened by its reference may have lost its bytes; what was made has them.
    if (known !== undefined && (origin === undefined || known.isMade)) return known;
    const layer = new StoredLayer(this.options, ref, origin);
    this.#layers.set(ref.id, layer);
    return layer;
  }
}

function reference(changeset: Changeset, created: number): LayerRef {
  return {
    id: changesetIdentity(changeset) as unknown as LayerId,
    empty: isEmptyChangeset(changeset),
    created,
  };
}
