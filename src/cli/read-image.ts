import type { HistoryEntry, ImageConfig, Manifest, Descriptor } from '../oci/types.js';
import { maxDocumentSize } from '../oci/strict-json.js';
import { parseImageConfig, parseManifest } from '../oci/validate.js';
import type { StoredImage } from '../store/references.js';
import type { Store } from '../store/store.js';

export interface ReadImage {
  readonly manifest: Manifest;
  readonly config: ImageConfig;
}

/** Manifest and config of an image of the store. Throws `store` or `image` when they are damaged or gone. */
export async function readImage(store: Store, image: StoredImage): Promise<ReadImage> {
  const manifest = parseManifest(
    await store.blobs.read(image.manifest.digest, maxDocumentSize),
    image.manifest.mediaType,
  );
  return { manifest, config: parseImageConfig(await store.blobs.read(image.config, maxDocumentSize)) };
}

/** Bytes of all layers as the manifest has them. */
export function layersSize(manifest: Manifest): number {
  return manifest.layers.reduce((sum, { size }) => sum + size, 0);
}

/** An entry of the history with the layer that it made, if it made one. */
export interface HistoryRow {
  readonly entry: HistoryEntry;
  readonly layer: Descriptor | undefined;
}

/** The history beside the layers, from the base up. Layers that no entry accounts for come last. */
export function historyRows({ manifest, config }: ReadImage): readonly HistoryRow[] {
  const layers = [...manifest.layers];
  const rows: HistoryRow[] = [];
  for (const entry of config.history ?? []) {
    rows.push({ entry, layer: entry.empty_layer === true ? undefined : layers.shift() });
  }
  return [...rows, ...layers.map((layer) => ({ entry: {}, layer }))];
}
