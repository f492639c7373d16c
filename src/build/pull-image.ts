import { equalPlatforms, type Platform } from '../oci/platform.js';
import { isIndexType } from '../oci/media-types.js';
import { formatReference, type Reference } from '../oci/reference.js';
import type { Job } from '../progress/event.js';
import { pullManifest, type PulledImage } from '../registry/pull-manifest.js';
import type { RegistryClient } from '../registry/types.js';
import { imagesOf, type ImageTarget, type StoredImage } from '../store/references.js';
import type { Store } from '../store/store.js';

/**
 * Fetches what names an image for a platform (manifest and config, no layers) and gives it its name in the store.
 * The digest that the reference itself named is kept as `etag`, so that one HEAD tells whether it moved.
 */
export async function pullImage(
  { store, client, job }: { readonly store: Store; readonly client: RegistryClient; readonly job: Job },
  reference: Reference,
  platform: Platform,
): Promise<StoredImage> {
  const name = formatReference(reference);
  const step = `resolve ${name}`;
  job.emit({ kind: 'declared', step, name: `[internal] load metadata for ${name}` });
  job.emit({ kind: 'started', step });
  const pulled = await pullManifest(client, reference, platform, job);
  await store.blobs.put(pulled.configBytes);
  await store.blobs.put(pulled.manifestBytes);
  const { os, architecture, variant } = pulled.config;
  const image: StoredImage = {
    kind: 'image',
    config: pulled.manifest.config.digest,
    manifest: pulled.descriptor,
    platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
    source: name,
    etag: pulled.root.digest,
  };
  await store.references.set(name, await besideOthers(image, pulled, store));
  job.emit({ kind: 'finished', step, outcome: 'done' });
  return image;
}

/** What the name means now: the image, with those for other platforms that came from the same index. */
async function besideOthers(
  image: StoredImage,
  { root, rootBytes }: PulledImage,
  store: Store,
): Promise<ImageTarget> {
  const { source = '', etag } = image;
  if (!isIndexType(root.mediaType)) return image;
  const known = await store.references.get(source);
  const others = (known === undefined ? [] : imagesOf(known.target)).filter(
    (other) =>
      other.source === source && other.etag === etag && !equalPlatforms(other.platform, image.platform),
  );
  if (others.length === 0) return image;
  await store.blobs.put(rootBytes);
  const { mediaType, digest, size } = root;
  return { kind: 'index', index: { mediaType, digest, size }, images: [...others, image] };
}
