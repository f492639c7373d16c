import pLimit, { type LimitFunction } from 'p-limit';
import { annotationsAt, maybeAnnotations } from '../image/annotations.js';
import { assembleImage, assembleIndex } from '../image/assemble.js';
import type { ImageForm } from '../image/output.js';
import type { Layer } from '../layers/layer.js';
import { compressionOf } from '../oci/media-types.js';
import type { Platform } from '../oci/platform.js';
import { formatReference, parseReference, type Reference } from '../oci/reference.js';
import type { Descriptor, ImageConfig } from '../oci/types.js';
import { parseImageConfig } from '../oci/validate.js';
import type { Job, StepId } from '../progress/event.js';
import { pushImage as pushTo, type PushableImage } from '../registry/push-image.js';
import type { BegunUpload, PushableBlob, RegistryClient } from '../registry/types.js';
import type { Store } from '../store/store.js';
import type { OpenImage } from './open-image.js';
import { blobFrom } from './store-blob.js';

/** How layers are compressed that no registry has, and what the documents are. */
export type PushForm = Pick<
  ImageForm,
  'compression' | 'compressionLevel' | 'forceCompression' | 'ociMediaTypes' | 'annotations'
>;

export interface PushOptions {
  readonly store: Store;
  readonly client: RegistryClient;
  readonly targets: readonly Reference[];
  /** Push by digest alone, without moving a tag. */
  readonly byDigest?: boolean | undefined;
  readonly form: PushForm;
  /** Whether one image too gets an index. */
  readonly index?: boolean | undefined;
  readonly job: Job;
}

/** A compression holds some frames of a layer in memory. */
const parallelCompressions = 2;

/**
 * Pushes an image under its names; several, one per platform, below an index. Blobs that a registry has are not read
 * here; base layers are mounted there.
 */
export async function pushImages(images: readonly OpenImage[], options: PushOptions): Promise<Descriptor> {
  const { client, targets, job } = options;
  const step = `push ${targets.map(formatReference).join(' ')}`;
  job.emit({ kind: 'declared', step, name: `pushing ${targets.map(formatReference).join(', ')}` });
  job.emit({ kind: 'started', step });
  const limit = pLimit(parallelCompressions);
  const members = await Promise.all(images.map((image) => memberOf(image, options, { step, limit })));
  const [only] = members;
  const isAlone = only !== undefined && members.length === 1 && options.index !== true;
  const root = isAlone ? only.image : indexOf(members, options);
  const named = targets.map((target) =>
    options.byDigest === true ? { ...target, tag: undefined, digest: root.descriptor.digest } : target,
  );
  const pushed = await pushTo(client, root, named, job, step);
  job.emit({ kind: 'finished', step, outcome: 'done' });
  return pushed;
}

interface Member {
  readonly image: PushableImage;
  readonly platform: Platform;
}

async function memberOf(
  image: OpenImage,
  options: PushOptions,
  { step, limit }: { readonly step: StepId; readonly limit: LimitFunction },
): Promise<Member> {
  const { store, form } = options;
  const config: ImageConfig = parseImageConfig(image.config.bytes);
  const { platform } = image;
  const layers = await Promise.all(
    image.layers.map((layer, index) => {
      const item = `layer ${index + 1} of ${image.layers.length}`;
      return limit(() => pushable(layer, options, { step, item }));
    }),
  );
  const { manifest, ...assembled } = assembleImage({
    config,
    configBytes: image.config.bytes,
    layers: layers.map(({ descriptor }) => descriptor),
    annotations: { ...image.annotations, ...annotationsAt(form.annotations, 'manifest', platform) },
    docker: !form.ociMediaTypes,
  });
  const configBlob = {
    // The config of an image with a new layer is new as well.
    isNew: layers.some(({ begun }) => begun !== undefined),
    descriptor: assembled.config.descriptor,
    open: (offset = 0) => blobFrom(store, image.config.descriptor, offset),
  };
  return { image: { ...manifest, layers, config: configBlob }, platform };
}

function indexOf(
  members: readonly Member[],
  { form: { annotations, ociMediaTypes } }: PushOptions,
): PushableImage {
  const described = members.map(({ image, platform }) => {
    const own = maybeAnnotations(annotationsAt(annotations, 'manifest-descriptor', platform));
    return { manifest: { ...image.descriptor, ...own }, platform };
  });
  const index = assembleIndex(described, {
    annotations: annotationsAt(annotations, 'index'),
    docker: !ociMediaTypes,
  });
  return { ...index, layers: [], manifests: members.map(({ image }) => image) };
}

/** A layer whose blob a registry has is described without fetching it; others are compressed now, and sent meanwhile. */
async function pushable(
  layer: Layer,
  { store, form, targets, client, job }: PushOptions,
  as: { readonly step: StepId; readonly item: string },
): Promise<PushableBlob> {
  const compression = form.compression ?? 'gzip';
  const how = { level: form.compressionLevel, force: form.forceCompression };
  const known = await layer.knownBlob(compression, how);
  const usable = known !== undefined && compressionOf(known.descriptor.mediaType) !== undefined;
  const [first] = targets;
  let begun: BegunUpload | undefined;
  const onBegun = (read: () => AsyncIterable<Uint8Array>): void => {
    begun = first && client.beginUpload(first, read, job, as);
  };
  const descriptor = usable ? known.descriptor : await layer.blob(compression, { ...how, onBegun });
  return {
    descriptor,
    begun,
    open: (offset = 0) => localBlob(store, () => layer.blob(compression, how), offset),
    mountFrom: mountSources(known?.repository, targets),
  };
}

/** The repository that a base came from, if a target is in the same registry. */
function mountSources(repository: string | undefined, targets: readonly Reference[]): readonly string[] {
  if (repository === undefined) return [];
  const source = parseReference(repository);
  return targets.some(({ registry }) => registry === source.registry) ? [source.repository] : [];
}

async function* localBlob(
  store: Store,
  make: () => Promise<Descriptor>,
  offset: number,
): AsyncGenerator<Uint8Array> {
  yield* blobFrom(store, await make(), offset);
}
