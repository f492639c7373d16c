import type { RemoteBlob } from '../../layers/layer.js';
import type { Digest } from '../../oci/digest.js';
import type { Descriptor } from '../../oci/types.js';
import type { BegunUpload } from '../../registry/types.js';
import type { CacheContent } from './content.js';

/** A blob that can be sent; `open` may be called again from another offset (bytes). */
export interface OutgoingBlob {
  readonly descriptor: Descriptor;
  open(offset?: number): AsyncIterable<Uint8Array>;
  /** A repository (`registry/name`) that has it. */
  readonly from?: string | undefined;
  /** What `begin` gave for the same bytes. */
  readonly begun?: Promise<BegunUpload> | undefined;
}

/** What a remote cache held when it was read. */
export interface LoadedCache {
  readonly content: CacheContent;
  /** What could not be read, for one warning. */
  readonly problems: readonly string[];
}

/**
 * A place that keeps a cache for many machines. Any number of them may add at once: nothing that one added is lost
 * because another added too. Failures are TsbuildErrors.
 */
export interface RemoteStorage {
  /** For messages; also names its blobs (`RemoteBlob.cache`) where they are in no repository. */
  readonly name: string;
  /** Everything that was added. Nothing there is an empty cache. */
  load(): Promise<LoadedCache>;
  /** Streams a blob; its size and digest are compared at the end. */
  open(blob: Descriptor): AsyncIterable<Uint8Array>;
  has(digest: Digest): Promise<boolean>;
  /** Sends a blob unless it is there. */
  put(blob: OutgoingBlob): Promise<void>;
  /** Where that is possible: sends what will be a blob while it is made, as `RegistryClient.beginUpload`. */
  begin?(
    read: (offset?: number) => AsyncIterable<Uint8Array>,
    item: string,
  ): Promise<BegunUpload> | undefined;
  /** Where a blob can be fetched in later builds. */
  locate(blob: Descriptor): RemoteBlob;
  /** Adds records whose blobs were put. */
  add(content: CacheContent): Promise<void>;
}

/** Blobs by digest and manifests by tag: what a registry, a folder and a bucket have in common. */
export interface ArtifactHost extends Pick<
  RemoteStorage,
  'name' | 'open' | 'has' | 'put' | 'begin' | 'locate'
> {
  /** By tag or digest. Undefined when there is none. */
  manifest(name: string): Promise<Uint8Array | undefined>;
  /** Tags that begin with `prefix`. */
  tags(prefix: string): Promise<readonly string[]>;
  putManifest(tag: string, bytes: Uint8Array): Promise<void>;
  /** Runs `work` while nobody else does, where that is possible. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** Removes manifests whose content is in another one now, where that can be done without losing what others add. */
  forget(tags: readonly string[]): Promise<void>;
}
