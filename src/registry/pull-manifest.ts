import { formatPlatform, type Platform } from '../oci/platform.js';
import { formatReference, type Reference } from '../oci/reference.js';
import { maxDocumentSize } from '../oci/strict-json.js';
import type { Descriptor, ImageConfig, Index, Manifest } from '../oci/types.js';
import { parseImageConfig, parseImageDocument } from '../oci/validate.js';
import { checkImage } from '../oci/validate-config.js';
import type { Job } from '../progress/event.js';
import { TsbuildError } from '../util/errors.js';
import { choosePlatform, runnableVariants } from './choose-platform.js';
import { RegistryFailure } from './failure.js';
import type { RegistryClient } from './types.js';

/** Indexes inside indexes; real ones have one level. */
const maximumDepth = 4;

/** What a reference names for one platform: documents only, no layers. All bytes are verified and as the registry has them. */
export interface PulledImage {
  /** What the reference itself named: an index or the manifest. Pins the reference for the rest of a build. */
  readonly root: Descriptor;
  readonly rootBytes: Buffer;
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly manifestBytes: Buffer;
  readonly config: ImageConfig;
  readonly configBytes: Buffer;
}

/**
 * Fetches the manifest and the config of an image for a platform; through an index if the reference names one. An
 * image of another platform that stands alone is used with a warning. Throws `registry`, `auth` and, for documents
 * that are no image, `image`.
 */
export async function pullManifest(
  client: RegistryClient,
  reference: Reference,
  platform: Platform,
  job: Job,
): Promise<PulledImage> {
  const root = await client.manifest(reference, job);
  let current = root;
  for (let depth = 0; depth < maximumDepth; depth++) {
    const document = parsed(reference, () => parseImageDocument(current.bytes, current.descriptor.mediaType));
    if (document.kind === 'manifest') {
      const { manifest } = document;
      const { config, configBytes } = await pullConfig(client, reference, { manifest, job });
      warnOfPlatform(config, { reference, platform, job });
      const { descriptor, bytes } = current;
      return {
        root: root.descriptor,
        rootBytes: root.bytes,
        descriptor,
        manifest,
        manifestBytes: bytes,
        config,
        configBytes,
      };
    }
    const chosen = choosePlatform(document.index, platform);
    if (chosen === undefined) throw missingPlatform(reference, document.index, platform);
    const fetched = await client.manifest({ ...reference, tag: undefined, digest: chosen.digest }, job);
    current = { ...fetched, descriptor: { ...fetched.descriptor, mediaType: chosen.mediaType } };
  }
  throw new TsbuildError('image', `${formatReference(reference)} is an index of indexes of indexes`);
}

async function pullConfig(
  client: RegistryClient,
  reference: Reference,
  { manifest, job }: { manifest: Manifest; job: Job },
): Promise<{ config: ImageConfig; configBytes: Buffer }> {
  if (manifest.config.size > maxDocumentSize) {
    throw new TsbuildError(
      'image',
      `the config of ${formatReference(reference)} is larger than ${maxDocumentSize} bytes`,
    );
  }
  const read = () => readBlob(client.openBlob(reference, manifest.config, job));
  const configBytes = await read().catch((error: unknown) => {
    if (!(error instanceof TsbuildError) || !error.damaged) throw error;
    job.emit({ kind: 'warning', message: error.message });
    return read();
  });
  const config = parsed(reference, () => parseImageConfig(configBytes));
  parsed(reference, () => checkImage(manifest, config));
  return { config, configBytes };
}

async function readBlob(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** Says which image a refused document belongs to. */
function parsed<T>(reference: Reference, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof TsbuildError)) throw error;
    throw new RegistryFailure(error.code, `${formatReference(reference)}: ${error.message}`, {
      hint: error.hint,
      cause: error,
    });
  }
}

function warnOfPlatform(
  config: ImageConfig,
  { reference, platform, job }: { reference: Reference; platform: Platform; job: Job },
): void {
  const variants = runnableVariants(platform.architecture, platform.variant);
  const fits = config.variant === undefined || config.variant === '' || variants.includes(config.variant);
  if (config.os === platform.os && config.architecture === platform.architecture && fits) return;
  const has = formatPlatform({ os: config.os, architecture: config.architecture, variant: config.variant });
  job.emit({
    kind: 'warning',
    message: `${formatReference(reference)} is for ${JSON.stringify(has)}, not for ${formatPlatform(platform)}`,
  });
}

function missingPlatform(reference: Reference, index: Index, wanted: Platform): TsbuildError {
  const offered = index.manifests.flatMap(({ platform }) =>
    platform === undefined || platform.os === 'unknown'
      ? []
      : [formatPlatform({ os: platform.os, architecture: platform.architecture, variant: platform.variant })],
  );
  const list = [...new Set(offered)].slice(0, 20).map((name) => JSON.stringify(name).slice(1, -1));
  return new TsbuildError(
    'image',
    `${formatReference(reference)} has no image for ${formatPlatform(wanted)}`,
    {
      hint: list.length === 0 ? 'the index names no platforms' : `it has images for ${list.join(', ')}`,
    },
  );
}
