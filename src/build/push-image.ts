import { assembleImage } from '../image/assemble.js';
import type { Layer } from '../layers/layer.js';
import { compressionOf, type Compression } from '../oci/media-types.js';
import { formatReference, parseReference, type Reference } from '../oci/reference.js';
import type { Descriptor, ImageConfig } from '../oci/types.js';
import { parseImageConfig } from '../oci/validate.js';
import type { Job } from '../progress/event.js';
import { pushImage as pushTo } from '../registry/push-image.js';
import type { PushableBlob, RegistryClient } from '../registry/types.js';
import type { Store } from '../store/store.js';
import type { OpenImage } from './open-image.js';

export interface PushOptions {
  readonly store: Store;
  readonly client: RegistryClient;
  readonly targets: readonly Reference[];
  readonly compression: Compression;
  readonly job: Job;
}

/** Pushes an image under its names. Blobs that a registry has are not read here; base layers are mounted there. */
export async function pushImage(
  image: OpenImage,
  { store, client, targets, compression, job }: PushOptions,
): Promise<Descriptor> {
  const step = `push ${targets.map(formatReference).join(' ')}`;
  job.emit({ kind: 'declared', step, name: `pushing ${targets.map(formatReference).join(', ')}` });
  job.emit({ kind: 'started', step });
  const layers = await Promise.all(
    image.layers.map((layer) => pushable(layer, { store, compression, targets })),
  );
  const config: ImageConfig = parseImageConfig(image.config.bytes);
  const { manifest } = assembleImage({
    config,
    configBytes: image.config.bytes,
    layers: layers.map(({ descriptor }) => descriptor),
  });
  const configBlob = {
    descriptor: image.config.descriptor,
    open: () => store.blobs.open(image.config.descriptor.digest),
  };
  const pushed = await pushTo(client, { ...manifest, layers, config: configBlob }, targets, job, step);
  job.emit({ kind: 'finished', step, outcome: 'done' });
  return pushed;
}

/** A layer whose blob a registry has is described without fetching it; others are compressed now. */
async function pushable(
  layer: Layer,
  { store, compression, targets }: Pick<PushOptions, 'store' | 'compression' | 'targets'>,
): Promise<PushableBlob> {
  const known = await layer.knownBlob(compression);
  const usable = known !== undefined && compressionOf(known.descriptor.mediaType) !== undefined;
  const descriptor = usable ? known.descriptor : await layer.blob(compression);
  return {
    descriptor,
    open: (offset = 0) => skipping(localBlob(layer, { store, compression }), offset),
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
  layer: Layer,
  { store, compression }: Pick<PushOptions, 'store' | 'compression'>,
): AsyncGenerator<Uint8Array> {
  const { digest, size } = await layer.blob(compression);
  yield* store.blobs.open(digest, size);
}

/** The rest of a stream after `offset` bytes, which are read for their digest's sake. */
async function* skipping(source: AsyncIterable<Uint8Array>, offset: number): AsyncGenerator<Uint8Array> {
  let left = offset;
  for await (const chunk of source) {
    if (left >= chunk.length) {
      left -= chunk.length;
    } else {
      yield left === 0 ? chunk : chunk.subarray(left);
      left = 0;
    }
  }
}
