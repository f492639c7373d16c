/** Values that tests of registries share. */
import { createRegistryClient } from '../../src/registry/client.js';
import type { PushableImage } from '../../src/registry/push-image.js';
import type {
  CredentialSource,
  Credentials,
  PushableBlob,
  RegistryClient,
  RegistryOptions,
} from '../../src/registry/types.js';
import { digestOf } from '../../src/oci/digest.js';
import { mediaTypes } from '../../src/oci/media-types.js';
import type { Descriptor } from '../../src/oci/types.js';
import type { BuildEvent, Job } from '../../src/progress/event.js';

/** A job that keeps what it is told. */
export interface RecordedJob extends Job {
  readonly events: readonly BuildEvent[];
  readonly warnings: readonly string[];
  abort(): void;
}

export function recordedJob(): RecordedJob {
  const controller = new AbortController();
  const events: BuildEvent[] = [];
  return {
    signal: controller.signal,
    emit: (event) => void events.push(event),
    events,
    get warnings() {
      return events.flatMap((event) => (event.kind === 'warning' ? [event.message] : []));
    },
    abort: () => controller.abort(),
  };
}

/** One identity for every registry; undefined: anonymous. */
export function fixedCredentials(credentials?: Credentials): CredentialSource {
  return { find: () => Promise.resolve(credentials), headers: () => Promise.resolve({}) };
}

/** A client that retries at once and gives up early. */
export function quickClient(
  options: Partial<RegistryOptions> & { credentials?: CredentialSource } = {},
): RegistryClient {
  return createRegistryClient({
    credentials: fixedCredentials(),
    retries: { attempts: 4, delay: 1 },
    timeouts: { idle: 20_000, connect: 20_000, commit: 20_000 },
    ...options,
  });
}

/** Bytes that are the same in every run and that no compression shortens. */
export function noise(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < size; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state & 255;
  }
  return bytes;
}

export function descriptorFor(bytes: Uint8Array, mediaType: string = mediaTypes.ociLayer): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** A blob in memory that is handed out in pieces of 64 KiB, counting what was read. */
export function memoryBlob(
  bytes: Buffer,
  mediaType?: string,
): PushableBlob & { readonly offsets: readonly number[] } {
  const offsets: number[] = [];
  return {
    descriptor: descriptorFor(bytes, mediaType),
    offsets,
    async *open(offset = 0) {
      offsets.push(offset);
      for (let at = offset; at < bytes.length; at += 65536) yield bytes.subarray(at, at + 65536);
    },
  };
}

export interface TestImageOptions {
  readonly layers?: readonly Buffer[];
  readonly architecture?: string;
  readonly docker?: boolean;
}

/** A complete image. Its layers need not be tars: registries do not look. */
export function testImage({
  layers = [noise(1000)],
  architecture = 'amd64',
  docker = false,
}: TestImageOptions = {}): PushableImage {
  const config = Buffer.from(
    JSON.stringify({
      architecture,
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map((bytes) => digestOf(bytes)) },
    }),
  );
  const configBlob = memoryBlob(config, docker ? mediaTypes.dockerConfig : mediaTypes.ociConfig);
  const layerBlobs = layers.map((bytes) =>
    memoryBlob(bytes, docker ? mediaTypes.dockerLayer : mediaTypes.ociLayer),
  );
  const mediaType = docker ? mediaTypes.dockerManifest : mediaTypes.ociManifest;
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: configBlob.descriptor,
      layers: layerBlobs.map((blob) => blob.descriptor),
    }),
  );
  return { descriptor: descriptorFor(bytes, mediaType), bytes, layers: layerBlobs, config: configBlob };
}

/** An index of images, one per architecture. */
export function testIndex(
  images: readonly {
    readonly architecture: string;
    readonly variant?: string;
    readonly image: PushableImage;
  }[],
): PushableImage {
  const manifests = images.map(({ architecture, variant, image }) => ({
    ...image.descriptor,
    platform: { os: 'linux', architecture, ...(variant === undefined ? {} : { variant }) },
  }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }));
  return {
    descriptor: descriptorFor(bytes, mediaTypes.ociIndex),
    bytes,
    layers: [],
    manifests: images.map(({ image }) => image),
  };
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
