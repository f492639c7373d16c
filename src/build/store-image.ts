import type { Layer } from '../layers/layer.js';
import { mediaTypes } from '../oci/media-types.js';
import { hexOf, isDigest, type Digest } from '../oci/digest.js';
import type { Platform } from '../oci/platform.js';
import { verdictsBucket } from '../cache/retain.js';
import { annotationsAt, maybeAnnotations, type Annotation } from '../image/annotations.js';
import { assembleImage } from '../image/assemble.js';
import type { StoredImage } from '../store/references.js';
import type { Store } from '../store/store.js';
import type { FinishedImage, LayerVerdict } from './finish-image.js';
import type { OpenImage } from './open-image.js';

/** What the last build of an image did for each of its layers, from the bottom up; undefined when it was not built here. */
export async function readVerdicts(
  store: Store,
  config: Digest,
): Promise<readonly LayerVerdict[] | undefined> {
  const record = await store.records(verdictsBucket).get(hexOf(config));
  if (typeof record !== 'object' || record === null || !('layers' in record)) return undefined;
  const { layers } = record;
  return Array.isArray(layers) && layers.every(isVerdict) ? layers : undefined;
}

function isVerdict(value: unknown): value is LayerVerdict {
  if (typeof value !== 'object' || value === null || !('verdict' in value)) return false;
  if (value.verdict === 'base') return true;
  const { verdict, key, by, created } = value as Partial<Exclude<LayerVerdict, { verdict: 'base' }>>;
  const isKept = verdict === 'built' || verdict === 'cached';
  return isKept && isDigest(key) && typeof by === 'string' && typeof created === 'number';
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
    annotations,
  }: {
    readonly store: Store;
    readonly names: readonly string[];
    readonly platform: Platform;
    /** Of its manifest and of the descriptor of that. */
    readonly annotations: readonly Annotation[];
  },
): Promise<{ readonly open: OpenImage; readonly stored: StoredImage }> {
  const descriptors = await Promise.all(layers.map((layer) => storedBlob(layer)));
  const own = annotationsAt(annotations, 'manifest', platform);
  const { config: assembled, manifest } = assembleImage({ config, layers: descriptors, annotations: own });
  await store.blobs.put(assembled.bytes);
  await store.blobs.put(manifest.bytes);
  const stored: StoredImage = {
    kind: 'image',
    config: assembled.descriptor.digest,
    manifest: {
      ...manifest.descriptor,
      mediaType: mediaTypes.ociManifest,
      ...maybeAnnotations(annotationsAt(annotations, 'manifest-descriptor', platform)),
    },
    platform,
  };
  if (JSON.stringify(await readVerdicts(store, stored.config)) !== JSON.stringify(verdicts)) {
    await store.records(verdictsBucket).put(hexOf(stored.config), { layers: verdicts });
  }
  for (const name of names) await store.references.set(name, stored);
  return { open: { config: assembled, layers, platform, annotations: own }, stored };
}

/** A layer that a registry has stays there: its descriptor is enough. */
async function storedBlob(layer: Layer) {
  return (await layer.elsewhere())?.descriptor ?? layer.blob('none');
}
