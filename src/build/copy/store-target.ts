import { checkLayer } from '../../image/check-layer.js';
import { configPlatform } from '../../image/assemble.js';
import { formatReference, parseReference, withDefaultTag, type Reference } from '../../oci/reference.js';
import { maxDocumentSize } from '../../oci/strict-json.js';
import { parseImageConfig, parseManifest } from '../../oci/validate.js';
import { checkImage } from '../../oci/validate-config.js';
import type { PushableImage } from '../../registry/push-image.js';
import type { PushableBlob } from '../../registry/types.js';
import type { ImageTarget, StoredImage } from '../../store/references.js';
import type { Store } from '../../store/store.js';
import { TsbuildError } from '../../util/errors.js';
import { documentsOf } from './image-source.js';

/** Puts a whole image into the store under a name, every layer compared with its DiffID. Throws `image`. */
export async function copyToStore(
  image: PushableImage,
  {
    store,
    name,
    source,
  }: { readonly store: Store; readonly name: string; readonly source: Reference | undefined },
): Promise<void> {
  const images: StoredImage[] = [];
  for (const document of documentsOf(image)) {
    const { config } = document;
    if (config !== undefined) {
      for (const blob of [...document.layers, config]) await keepBlob(blob, store);
    }
    await store.blobs.put(document.bytes);
    const stored = config === undefined ? undefined : await storedImage(document, store);
    if (stored !== undefined) images.push(source === undefined ? stored : pulled(stored, source, image));
  }
  await store.references.set(formatReference(withDefaultTag(parseReference(name))), targetOf(image, images));
}

async function keepBlob(blob: PushableBlob, store: Store): Promise<void> {
  const { digest, size } = blob.descriptor;
  if (await store.blobs.has(digest)) return;
  const writer = await store.blobs.writer();
  try {
    for await (const chunk of blob.open()) await writer.write(chunk);
    await writer.commit({ digest, size });
  } finally {
    await writer.abort();
  }
}

/** Undefined for manifests that are no images, such as attestations. */
async function storedImage(
  { bytes, descriptor, config: configBlob }: PushableImage,
  store: Store,
): Promise<StoredImage | undefined> {
  const manifest = parseManifest(bytes, descriptor.mediaType);
  if (configBlob === undefined || !/container\.image|image\.config/.test(manifest.config.mediaType))
    return undefined;
  if (manifest.layers.some(({ mediaType }) => mediaType.includes('in-toto'))) return undefined;
  const config = parseImageConfig(await store.blobs.read(manifest.config.digest, maxDocumentSize));
  checkImage(manifest, config);
  for (const [i, layer] of manifest.layers.entries()) {
    const diffId = config.rootfs.diff_ids[i];
    if (diffId !== undefined) await checkLayer(layer, diffId, store);
  }
  return {
    kind: 'image',
    config: manifest.config.digest,
    manifest: descriptor,
    platform: configPlatform(config),
  };
}

function pulled(stored: StoredImage, source: Reference, root: PushableImage): StoredImage {
  return { ...stored, source: formatReference(source), etag: root.descriptor.digest };
}

function targetOf(image: PushableImage, images: readonly StoredImage[]): ImageTarget {
  const [only] = images;
  if (only === undefined)
    throw new TsbuildError('image', 'there is no image to be kept: an artifact stays where it is');
  return images.length === 1 ? only : { kind: 'index', index: image.descriptor, images };
}
