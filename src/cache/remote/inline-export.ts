import type { LayerId, LayerRef } from '../../layers/layer.js';
import type { LayerStore } from '../../layers/layer-store.js';
import { digestOf, hexOf, type Digest } from '../../oci/digest.js';
import { layerMediaType } from '../../oci/media-types.js';
import { isLayerRef } from '../../layers/layer.js';
import type { Store } from '../../store/store.js';
import type { CacheRecord } from '../types.js';
import { clampKey, recordName, type CacheContent, type KeptLayer } from './content.js';
import { saltOf } from './salt.js';
import { saltedRecord, selectRecords } from './select-records.js';

export interface InlineRequest {
  readonly records: readonly CacheRecord<LayerRef>[];
  /** Layers of the image before their times were clamped, from the bottom up. */
  readonly image: readonly LayerRef[];
  /** Seconds since 1970. */
  readonly epoch: number | undefined;
  /** Names a result by its layers, as records do. */
  readonly chainOf: (layers: readonly LayerRef[]) => Digest;
  readonly layers: LayerStore;
  readonly store: Store;
}

/**
 * The records of an image's own layers, for its config. An image with an epoch has its layers with clamped times only:
 * they stand for the real ones.
 */
export async function inlineExport(request: InlineRequest): Promise<CacheContent> {
  const { records, image, epoch, layers, store, chainOf } = request;
  const shown = await Promise.all(image.map((ref) => clampedRef(ref, epoch, store)));
  const instead = new Map(image.map((ref, i) => [ref.id, shown[i] ?? ref]));
  const salt = saltOf(chainOf(shown));
  // Records by content are known only where a step was looked up so: with them a second build would give another image.
  const kept = selectRecords(records, 'min', image)
    .filter(({ by }) => by === 'definition')
    .map((record) => saltedRecord(withLayers(record, instead, request), salt))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const described = await Promise.all(shown.map((ref) => describe(ref, layers)));
  const clamped =
    epoch === undefined ? [] : shown.map(({ id }): [string, LayerId] => [clampKey(id, epoch), id]);
  return {
    layers: new Map(described.map((layer) => [layer.ref.id, layer])),
    clamped: new Map(clamped),
    records: new Map(kept.map((record) => [recordName(record), record])),
    mounts: new Map(),
  };
}

async function clampedRef(ref: LayerRef, epoch: number | undefined, store: Store): Promise<LayerRef> {
  if (epoch === undefined) return ref;
  const clamped = await store.records('layer-clamped').get(hexOf(digestOf(clampKey(ref.id, epoch))));
  return isLayerRef(clamped) ? clamped : ref;
}

/** The record on other layers; the name of the base's result follows them. */
function withLayers(
  record: CacheRecord<LayerRef>,
  instead: ReadonlyMap<LayerId, LayerRef>,
  { chainOf }: InlineRequest,
): CacheRecord<LayerRef> {
  const snapshot = record.snapshot.map((ref) => instead.get(ref.id) ?? ref);
  const below = record.snapshot.length - record.own;
  const [base, ...others] = record.chains;
  const isBase = base === chainOf(record.snapshot.slice(0, below));
  return {
    ...record,
    snapshot,
    chains: isBase ? [chainOf(snapshot.slice(0, below)), ...others] : record.chains,
  };
}

/** The blob is a placeholder: it is looked up in the image's manifest by the DiffID. */
async function describe(ref: LayerRef, layers: LayerStore): Promise<KeptLayer> {
  if (ref.empty) return { ref };
  const layer = layers.open(ref);
  if (String(await layer.diffId()) === ref.id) return { ref };
  const { diffId, size } = await layer.plain();
  return { ref, place: { diffId, size, blob: { mediaType: layerMediaType('none'), digest: diffId, size } } };
}
