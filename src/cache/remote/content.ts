import type { LayerId, LayerPlace, LayerRef } from '../../layers/layer.js';
import type { Digest } from '../../oci/digest.js';
import type { Descriptor } from '../../oci/types.js';
import type { CacheRecord } from '../types.js';

/** What a remote cache holds, apart from blobs. */
export interface CacheContent {
  readonly layers: ReadonlyMap<LayerId, KeptLayer>;
  /** Layers with clamped file times, by `clampKey`. */
  readonly clamped: ReadonlyMap<string, LayerId>;
  /** By salt and key: see `recordName`. */
  readonly records: ReadonlyMap<string, KeptRecord>;
  /** Folders of RUN --mount=type=cache, by the name of the cache. */
  readonly mounts: ReadonlyMap<string, KeptMount>;
}

/** A layer of a snapshot. One without a place is that of a base image, or changes nothing. */
export interface KeptLayer {
  readonly ref: LayerRef;
  readonly place?: KeptPlace | undefined;
}

/** As LayerPlace, with blobs of the cache itself. */
export interface KeptPlace extends Pick<LayerPlace, 'diffId' | 'size'> {
  readonly blob: Descriptor;
  readonly changeset?: Descriptor | undefined;
  /** In place of `changeset` where the changeset is small: its lines, without the end of the last one. */
  readonly lines?: string | undefined;
}

/** A record as it leaves the machine: names are salted, no value of an argument is in it. */
export interface KeptRecord {
  readonly salt: string;
  readonly key: string;
  readonly by: CacheRecord<LayerRef>['by'];
  /** The step by its text and by its place. */
  readonly text: string;
  readonly place: string;
  /** Salted labels with salted digests of their values; empty for records by content. */
  readonly recipe: readonly (readonly [label: string, value: string])[];
  readonly snapshot: readonly LayerId[];
  readonly own: number;
  readonly inputs: readonly Digest[];
  readonly chains: readonly Digest[];
  /** Milliseconds since 1970. */
  readonly created: number;
  /** Milliseconds. */
  readonly duration: number;
}

/** A folder in pieces: what describes it, and the bytes of its files. */
export interface KeptMount {
  readonly salt: string;
  /** Salted. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly saved: number;
  /** A line with the order of the contents (`encodeSlots`), then the lines of `serialiseChangeset`. */
  readonly listing: readonly KeptChunk[];
  readonly chunks: readonly KeptChunk[];
  /** Of the changeset's lines, which name the digests of all contents. */
  readonly digest: Digest;
}

/** A piece of a stream: the digest of its bytes, and the blob that holds them compressed with gzip. */
export interface KeptChunk {
  readonly plain: Digest;
  /** Bytes before they were compressed. */
  readonly size: number;
  readonly blob: Descriptor;
}

export const noContent: CacheContent = {
  layers: new Map(),
  clamped: new Map(),
  records: new Map(),
  mounts: new Map(),
};

export function recordName({ salt, key }: Pick<KeptRecord, 'salt' | 'key'>): string {
  return `${salt} ${key}`;
}

/** `epoch` in seconds since 1970. */
export function clampKey(layer: LayerId, epoch: number): string {
  return `${layer} ${epoch}`;
}

/** Joins contents. Of two records of one key the one made last counts, of two equally old ones the later in the list. */
export function mergeContents(contents: readonly CacheContent[]): CacheContent {
  const layers = new Map<LayerId, KeptLayer>();
  const clamped = new Map<string, LayerId>();
  const records = new Map<string, KeptRecord>();
  const mounts = new Map<string, KeptMount>();
  for (const content of contents) {
    for (const [id, layer] of content.layers) {
      if (layer.place !== undefined || !layers.has(id)) layers.set(id, layer);
    }
    for (const [key, id] of content.clamped) clamped.set(key, id);
    for (const [name, record] of content.records) {
      if ((records.get(name)?.created ?? -1) <= record.created) records.set(name, record);
    }
    for (const [name, mount] of content.mounts) {
      if ((mounts.get(name)?.saved ?? -1) <= mount.saved) mounts.set(name, mount);
    }
  }
  return { layers, clamped, records, mounts };
}

/** The newest records, at most so many, and only the layers that they need. Those without a layer are left out. */
export function newest(
  content: CacheContent,
  limits: { readonly records: number; readonly layers: number },
): CacheContent {
  const records = new Map<string, KeptRecord>();
  const needed = new Set<LayerId>();
  const sorted = [...content.records].sort(([, a], [, b]) => b.created - a.created);
  for (const [name, record] of sorted) {
    if (records.size >= limits.records) break;
    if (!record.snapshot.every((id) => content.layers.has(id))) continue;
    const fresh = record.snapshot.filter((id) => !needed.has(id));
    if (needed.size + fresh.length > limits.layers) continue;
    for (const id of fresh) needed.add(id);
    records.set(name, record);
  }
  const clamped = [...content.clamped].filter(
    ([key, id]) => needed.has(layerOf(key)) && content.layers.has(id),
  );
  for (const [, id] of clamped) needed.add(id);
  return {
    layers: new Map([...content.layers].filter(([id]) => needed.has(id))),
    clamped: new Map(clamped),
    records,
    mounts: content.mounts,
  };
}

/**
 * What stays of a content that is too large: half of the records, or all cache mounts but the one saved first, whichever
 * has more blobs. Undefined when nothing would stay.
 */
export function smaller(content: CacheContent): CacheContent | undefined {
  const { records, mounts } = content;
  if (records.size + mounts.size <= 1) return undefined;
  const ofMounts = blobsOf({ ...noContent, mounts }).length;
  if (records.size === 0 || ofMounts > blobsOf(content).length / 2) {
    const newestFirst = [...mounts].sort(([, a], [, b]) => b.saved - a.saved);
    return { ...content, mounts: new Map(newestFirst.slice(0, -1)) };
  }
  return newest(content, { records: Math.floor(records.size / 2), layers: Infinity });
}

/** Without layers whose blobs are not there any more, and without what needs them. */
export function without(content: CacheContent, isGone: (blob: Digest) => boolean): CacheContent {
  const layers = new Map(
    [...content.layers].filter(([, { place }]) => place === undefined || !isGone(place.blob.digest)),
  );
  const kept = newest({ ...content, layers }, { records: Infinity, layers: Infinity });
  const mounts = [...kept.mounts].filter(
    ([, mount]) => !blobsOfMount(mount).some(({ digest }) => isGone(digest)),
  );
  return {
    ...kept,
    layers: new Map([...kept.layers].map(withoutChangeset(isGone))),
    mounts: new Map(mounts),
  };
}

function withoutChangeset(isGone: (blob: Digest) => boolean) {
  return ([id, layer]: [LayerId, KeptLayer]): [LayerId, KeptLayer] => {
    const { place } = layer;
    if (place?.changeset === undefined || !isGone(place.changeset.digest)) return [id, layer];
    return [id, { ...layer, place: { ...place, changeset: undefined } }];
  };
}

function layerOf(key: string): LayerId {
  return key.slice(0, key.indexOf(' ')) as LayerId;
}

/** All blobs that a content names, each once. */
export function blobsOf({ layers, mounts }: CacheContent): readonly Descriptor[] {
  const places = [...layers.values()].flatMap(({ place }) =>
    place === undefined ? [] : [place.blob, ...(place.changeset === undefined ? [] : [place.changeset])],
  );
  const chunks = [...mounts.values()].flatMap(blobsOfMount);
  return [...new Map([...places, ...chunks].map((blob) => [blob.digest, blob])).values()];
}

function blobsOfMount({ listing, chunks }: KeptMount): readonly Descriptor[] {
  return [...listing, ...chunks].map(({ blob }) => blob);
}
