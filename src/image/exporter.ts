/** What all exporters share. `createExporter` (export.ts) makes one from an output option. */
import type { Writable } from 'node:stream';
import type { BlobOptions } from '../layers/layer.js';
import type { BodySource, Tree } from '../layers/types.js';
import type { Digest, DiffID } from '../oci/digest.js';
import type { Compression } from '../oci/media-types.js';
import type { Platform } from '../oci/platform.js';
import type { Descriptor, ImageConfig } from '../oci/types.js';
import type { Job, StepId } from '../progress/event.js';

/** A layer of an image to be exported. */
export interface ExportLayer {
  readonly diffId: DiffID;
  /** A blob of the layer; one that was pulled keeps its own compression unless forced. */
  blob(compression: Compression, options?: BlobOptions): Promise<Descriptor>;
  /** The bytes of a blob that `blob` gave, verified at their end. */
  open(descriptor: Descriptor): AsyncIterable<Uint8Array>;
}

/** An image for one platform, ready but for the form of its layers. */
export interface ExportableImage {
  /** Normalised: `docker.io/library/app:latest`. All images of one export have the same names. */
  readonly names: readonly string[];
  readonly config: ImageConfig;
  /** What it is built for and listed as: not always what its base says. */
  readonly platform: Platform;
  /** What the config's digest was made of. */
  readonly configBytes: Uint8Array;
  /** Of its manifest, besides those of the output. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** From the bottom up, one per DiffID of the config. */
  readonly layers: readonly ExportLayer[];
  /** The root file system that the layers add up to. */
  tree(): Promise<Tree>;
  /** Finds the bytes of the tree's files. */
  readonly body: BodySource;
}

export interface ExportResult {
  /** What was written: a manifest, or the index of several. Undefined for root file systems. */
  readonly descriptor: Descriptor | undefined;
  /** Config digests, in the order of the images. */
  readonly configs: readonly Digest[];
}

/**
 * Writes images, one per platform, to one place. What stood there before stays when the export fails. Throws
 * TsbuildErrors, and the reason of the job's signal after an abort.
 */
export interface Exporter {
  export(images: readonly ExportableImage[], job: Job): Promise<ExportResult>;
}

/** What an exporter must know of the world. */
export interface ExportEnvironment {
  /** Absolute; relative destinations count from here. */
  readonly cwd: string;
  readonly stdout: Writable;
  /** Whether one image too is a member of an index, and its root file system a folder in what is written. */
  readonly index?: boolean | undefined;
  /** SOURCE_DATE_EPOCH in seconds: the time of archive members, and the latest time of files. */
  readonly epoch?: number | undefined;
  /** Progress of blobs is reported under it. */
  readonly step?: StepId | undefined;
}
