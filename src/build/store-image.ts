import type { Layer } from '../layers/layer.js';
import { mediaTypes } from '../oci/media-types.js';
import { hexOf, type Digest } from '../oci/digest.js';
import type { Platform } from '../oci/platform.js';
import { assembleImage } from '../image/assemble.js';
import type { StoredImage } from '../store/references.js';
import type { Store } from '../store/store.js';
import type { FinishedImage } from './finish-image.js';
import type { OpenImage } from './open-image.js';

/** Bucket of records by config digest: what became of each layer in the last build of an image. */
export const verdictsBucket = 'image-verdicts';

/** What the last build of an image did for each of its layers, from the bottom up; undefined when it was not built here. */
export async function readVerdicts(store: Store, config: Digest): Promise<readonly string[] | undefined> {
  const record = await store.records(verdictsBucket).get(hexOf(config));
  if (typeof record !== 'object' || record === null || !('verdicts' in record)) return undefined;
  const { verdicts } = record;
  return Array.isArray(verdicts) ? verdicts.map(String) : undefined;
}

/**
 * Puts a finished image into the store and gives it its names. New layers are plain tar blobs: compression waits for
 * a target that wants it. Published in the order layers, config, manifest, references.
 */
export async function storeImage(
  { config, layers, verdicts }: FinishedImage,
  {
    store,
    names,
    platform,
  }: { readonly store: Store; readonly names: readonly string[]; readonly platform: Platform },
): Promise<{ readonly open: OpenImage; readonly stored: StoredImage }> {
  const descriptors = await Promise.all(layers.map((layer) => storedBlob(layer)));
  const { config: assembled, manifest } = assembleImage({ config, layers: descriptors });
  await store.blobs.put(assembled.bytes);
  await store.blobs.put(manifest.bytes);
  const stored: StoredImage = {
    kind: 'image',
    config: assembled.descriptor.digest,
    manifest: { ...manifest.descriptor, mediaType: mediaTypes.ociManifest },
    platform,
  };
  if (String(await readVerdicts(store, stored.config)) !== String(verdicts)) {
    await store.records(verdictsBucket).put(hexOf(stored.config), { verdicts });
  }
  for (const name of names) await store.references.set(name, stored);
  return { open: { config: assembled, layers }, stored };
}

/** A layer that a registry has stays there: its descriptor is enough. */
async function storedBlob(layer: Layer) {
  return (await layer.elsewhere())?.descriptor ?? layer.blob('none');
}
