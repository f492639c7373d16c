import type { ResolvedImage } from '../graph/lower/lowering.js';
import type { Layer } from '../layers/layer.js';
import type { LayerStore } from '../layers/layer-store.js';
import { configPlatform } from '../image/assemble.js';
import type { Platform } from '../oci/platform.js';
import type { Descriptor } from '../oci/types.js';
import type { Store } from '../store/store.js';
import { maxDocumentSize } from '../oci/strict-json.js';

/** An image whose config is kept as bytes and whose layers give their blobs when asked: what is pushed and exported. */
export interface OpenImage {
  readonly config: { readonly descriptor: Descriptor; readonly bytes: Uint8Array };
  readonly layers: readonly Layer[];
  /** What it is built for and listed as: not always what its base says. */
  readonly platform: Platform;
  /** Of its manifest. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** Opens an image of the store for a push or an export. */
export async function openImage(
  image: ResolvedImage,
  { store, layers }: { readonly store: Store; readonly layers: LayerStore },
): Promise<OpenImage> {
  const bytes = await store.blobs.read(image.configDigest, maxDocumentSize);
  const created = Date.parse(image.config.created ?? '') || 0;
  const opened = await Promise.all(
    image.layers.map(({ diffId, blob }) => layers.fromBlob(diffId, blob, created)),
  );
  const mediaType = image.manifest?.mediaType.includes('docker')
    ? 'application/vnd.docker.container.image.v1+json'
    : 'application/vnd.oci.image.config.v1+json';
  return {
    config: { descriptor: { mediaType, digest: image.configDigest, size: bytes.length }, bytes },
    layers: opened,
    platform: configPlatform(image.config),
    annotations: image.annotations ?? {},
  };
}
