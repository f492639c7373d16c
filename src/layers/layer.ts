import { isDigest, type Digest, type DiffID } from '../oci/digest.js';
import type { Compression } from '../oci/media-types.js';
import type { Descriptor } from '../oci/types.js';
import type { Body, Changeset, File, LayerDirectory, Tree } from './types.js';

/**
 * Names a layer inside one store: the DiffID of a layer that was pulled or loaded, the identity digest of the
 * changeset of a layer made here. An intermediate layer is never packed, so it may have no DiffID.
 */
export type LayerId = Digest & { readonly __layer: true };

/** A layer in a form that outlives the process: what cache records and image records hold. */
export interface LayerRef {
  readonly id: LayerId;
  /** The layer changes nothing: it is a tar without entries, and no directory is mounted for it. */
  readonly empty: boolean;
  /** When it was made: milliseconds since 1970. */
  readonly created: number;
}

/** Guards a reference that was read from disk. */
export function isLayerRef(value: unknown): value is LayerRef {
  if (typeof value !== 'object' || value === null) return false;
  const { id, empty, created } = value as Partial<LayerRef>;
  return isDigest(id) && typeof empty === 'boolean' && typeof created === 'number';
}

/** A layer blob that can be fetched: its descriptor and the repository (`registry/name`) that has it. */
export interface RemoteBlob {
  readonly descriptor: Descriptor;
  readonly repository?: string | undefined;
  /** Name of the remote cache that has it, where that is no repository. */
  readonly cache?: string | undefined;
}

/** Where a layer that was made, and not pulled, can be fetched. It is compared with the layer's id when it is used. */
export interface LayerPlace {
  readonly diffId: DiffID;
  /** Bytes of the uncompressed tar. */
  readonly size: number;
  readonly blob: RemoteBlob;
  /** Lines of `serialiseChangeset`, compressed with gzip: what the layer changes, without its blob. */
  readonly changeset?: RemoteBlob | undefined;
  /** The lines themselves where they are few. */
  readonly lines?: string | undefined;
}

/** Guards a place that was read from disk. */
export function isLayerPlace(value: unknown): value is LayerPlace {
  if (typeof value !== 'object' || value === null) return false;
  const { diffId, size, blob, changeset, lines } = value as Partial<LayerPlace>;
  return (
    isDigest(diffId) &&
    typeof size === 'number' &&
    isRemoteBlob(blob) &&
    (changeset === undefined || isRemoteBlob(changeset)) &&
    (lines === undefined || typeof lines === 'string')
  );
}

/** Guards a blob's place that was read from disk. */
export function isRemoteBlob(value: unknown): value is RemoteBlob {
  if (typeof value !== 'object' || value === null) return false;
  const { descriptor } = value as Partial<RemoteBlob>;
  return (
    typeof descriptor === 'object' &&
    isDigest(descriptor.digest) &&
    typeof descriptor.size === 'number' &&
    typeof descriptor.mediaType === 'string'
  );
}

/** How a blob is compressed, beyond the algorithm. */
export interface BlobOptions {
  /** Undefined: the algorithm's usual one. */
  readonly level?: number | undefined;
  /** Whether the blob of a pulled layer is compressed anew when its compression is another one. */
  readonly force?: boolean | undefined;
  /** Told when a compression begins: `read` gives what it writes while it writes it, and fails if it does. */
  readonly onBegun?: ((read: (offset?: number) => AsyncIterable<Uint8Array>) => void) | undefined;
}

/** One origin, three forms: changeset, directory and blob. Each is derived when it is asked for, once, and kept. */
export interface Layer {
  readonly ref: LayerRef;
  changeset(): Promise<Changeset>;
  /**
   * An overlay lowerdir. `base` is the tree below: implicit parents take their metadata from it. One that is no longer
   * what it was made to be is deleted: throws `store`, damaged.
   */
  directory(base: Tree): Promise<LayerDirectory>;
  /** DiffID of the uncompressed tar, without making a blob that is not needed. */
  diffId(): Promise<DiffID>;
  /** DiffID and bytes of the uncompressed tar. */
  plain(): Promise<{ readonly diffId: DiffID; readonly size: number }>;
  /** A blob in the store. The blob of a pulled layer is given as it is, whatever its compression, unless forced. */
  blob(compression: Compression, options?: BlobOptions): Promise<Descriptor>;
  /** The descriptor that `blob` would give, when it is known without making or fetching anything. */
  knownBlob(compression: Compression, options?: BlobOptions): Promise<RemoteBlob | undefined>;
  /** The blob that others have while no form of the layer that has its bytes is here, or that it was pulled as. */
  elsewhere(): Promise<RemoteBlob | undefined>;
  /** Where the bytes of one of this layer's files are; undefined when the layer has no such content. */
  body(file: File): Promise<Body | undefined>;
  /** Makes what the cache needs to find the layer again outlive the process. */
  keep(): Promise<void>;
}
