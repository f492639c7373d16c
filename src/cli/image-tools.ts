import { blobFetcher } from '../build/fetch-blob.js';
import { openImage, type OpenImage } from '../build/open-image.js';
import { resolvedImage } from '../build/image-resolver.js';
import type { ResolvedImage } from '../graph/lower/lowering.js';
import { LayerStore } from '../layers/layer-store.js';
import { ownOverlayNamespace } from '../layers/own-namespace.js';
import type { Annotation } from '../image/annotations.js';
import { formatPlatform } from '../oci/platform.js';
import { maxDocumentSize } from '../oci/strict-json.js';
import { parseIndex } from '../oci/validate.js';
import type { Job } from '../progress/event.js';
import type { RegistryClient } from '../registry/types.js';
import { imagesOf, type ImageTarget, type StoredImage } from '../store/references.js';
import type { Store } from '../store/store.js';
import { toByteString } from '../util/bytes.js';
import { once } from '../util/once.js';
import type { CliContext } from './context.js';
import { openStoreOf } from './open-store.js';
import { progressRenderer, type ProgressOptions } from './progress-output.js';
import { registryClient } from './registry-tools.js';
import type { RegistryRequest } from './registry-request.js';

/** What commands that move images work with. */
export interface ImageTools {
  readonly store: Store;
  readonly client: () => Promise<RegistryClient>;
  readonly job: Job;
  /** Opens an image of the store; missing blobs are fetched from where they came. */
  readonly open: (name: string, image: StoredImage) => Promise<OpenImage>;
  /** The same when its documents were read. */
  readonly openResolved: (image: ResolvedImage) => Promise<OpenImage>;
}

/** What a name stands for, ready to be pushed or exported. */
export interface OpenTarget {
  readonly images: readonly OpenImage[];
  /** Whether the name stands for an index, of however many images. */
  readonly index: boolean;
  /** Those of the index and of descriptors. */
  readonly annotations: readonly Annotation[];
}

/** Opens the images of a target that are in the store. Throws `image` and `store`. */
export async function openTarget(
  target: ImageTarget,
  name: string,
  { store, open }: Pick<ImageTools, 'store' | 'open'>,
): Promise<OpenTarget> {
  const images = await Promise.all(
    imagesOf(target).map(async (image) => ({ ...(await open(name, image)), platform: image.platform })),
  );
  if (target.kind === 'image') {
    const annotations = annotationList('manifest-descriptor', target.manifest.annotations);
    return { images, index: false, annotations };
  }
  const bytes = await store.blobs.read(target.index.digest, maxDocumentSize);
  const index = parseIndex(bytes, target.index.mediaType);
  const members = index.manifests.flatMap(({ digest, annotations = {} }) => {
    const own = target.images.filter(({ manifest }) => manifest.digest === digest);
    return own.flatMap((image) =>
      annotationList('manifest-descriptor', annotations, formatPlatform(image.platform)),
    );
  });
  const own = annotationList('index', index.annotations);
  const above = annotationList('index-descriptor', target.index.annotations);
  return { images, index: true, annotations: [...own, ...above, ...members] };
}

function annotationList(
  level: Annotation['level'],
  annotations: Readonly<Record<string, string>> = {},
  platform?: string,
): readonly Annotation[] {
  return Object.entries(annotations).map(([key, value]) => ({ level, platform, key, value }));
}

/** Runs `work` with the store leased, a registry client and progress, and puts all of it away. */
export async function withImageTools<T>(
  { registry, progress }: { readonly registry: RegistryRequest; readonly progress: ProgressOptions },
  context: CliContext,
  work: (tools: ImageTools) => Promise<T>,
): Promise<T> {
  const renderer = progressRenderer(progress, context);
  const job: Job = { signal: context.signal, emit: (event) => renderer.emit(event) };
  const client = once(() => registryClient(registry, context));
  const store = await openStoreOf(context);
  const lease = await store.lease({ signal: context.signal });
  try {
    const layers = new LayerStore({
      store,
      fetch: blobFetcher({ client, job }),
      namespace: () => Promise.resolve(ownOverlayNamespace(toByteString(store.root))),
    });
    const openResolved = (image: ResolvedImage) => openImage(image, { store, layers });
    const open = async (name: string, image: StoredImage) =>
      openResolved(await resolvedImage(store, name, image));
    return await work({ store, client, job, open, openResolved });
  } finally {
    lease.release();
    renderer.end();
    await store.close();
  }
}
