import type { Platform } from '../oci/platform.js';
import { formatReference, type Reference } from '../oci/reference.js';
import type { Job } from '../progress/event.js';
import { pullManifest } from '../registry/pull-manifest.js';
import type { RegistryClient } from '../registry/types.js';
import type { StoredImage } from '../store/references.js';
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
  await store.references.set(name, image);
  job.emit({ kind: 'finished', step, outcome: 'done' });
  return image;
}
