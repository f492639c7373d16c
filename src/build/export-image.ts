import type { Writable } from 'node:stream';
import { createExporter } from '../image/export.js';
import type { ExportableImage, ExportLayer } from '../image/exporter.js';
import type { OutputSpec } from '../image/output.js';
import type { Layer } from '../layers/layer.js';
import { Snapshot } from '../layers/snapshot.js';
import { parseImageConfig } from '../oci/validate.js';
import type { Job } from '../progress/event.js';
import type { Store } from '../store/store.js';
import type { OpenImage } from './open-image.js';

export interface ExportOptions {
  readonly spec: Exclude<OutputSpec, { type: 'image' }>;
  /** Normalised names that the archive gives the image. */
  readonly names: readonly string[];
  /** Whether one image too gets an index. */
  readonly index: boolean;
  /** Seconds since 1970. */
  readonly epoch: number | undefined;
  readonly store: Store;
  readonly stdout: Writable;
  readonly job: Job;
}

/** Writes images, one per platform, to a file or folder in the form that an output option asks for. */
export async function exportImages(
  images: readonly OpenImage[],
  { spec, names, index, epoch, store, stdout, job }: ExportOptions,
): Promise<void> {
  const step = `export ${spec.type} ${spec.dest}`;
  job.emit({ kind: 'declared', step, name: `exporting to ${spec.type} ${spec.dest}` });
  job.emit({ kind: 'started', step });
  const exporter = createExporter(spec, { cwd: '/', stdout, index, epoch, step });
  await exporter.export(await Promise.all(images.map((image) => exportable(image, { names, store }))), job);
  job.emit({ kind: 'finished', step, outcome: 'done' });
}

/** An image of the store as exporters see it. */
export async function exportable(
  { config, layers, platform, annotations }: OpenImage,
  { names, store }: { readonly names: readonly string[]; readonly store: Store },
): Promise<ExportableImage> {
  const snapshot = Snapshot.of(layers);
  return {
    names,
    config: parseImageConfig(config.bytes),
    configBytes: config.bytes,
    platform,
    annotations,
    layers: await Promise.all(layers.map((layer) => exportLayer(layer, store))),
    tree: () => snapshot.tree(),
    body: (file) => snapshot.body(file),
  };
}

async function exportLayer(layer: Layer, store: Store): Promise<ExportLayer> {
  return {
    diffId: await layer.diffId(),
    blob: (compression, options) => layer.blob(compression, options),
    open: ({ digest, size }) => store.blobs.open(digest, size),
  };
}
