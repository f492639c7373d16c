import type { ResolvedImage } from '../graph/lower/lowering.js';
import { equalPlatforms, formatPlatform, type Platform } from '../oci/platform.js';
import { formatReference, parseReference, withDefaultTag, type Reference } from '../oci/reference.js';
import { maxDocumentSize } from '../oci/strict-json.js';
import { parseImageConfig, parseManifest } from '../oci/validate.js';
import type { Job } from '../progress/event.js';
import type { RegistryClient } from '../registry/types.js';
import { imagesOf, type StoredImage } from '../store/references.js';
import type { Store } from '../store/store.js';
import { TsbuildError } from '../util/errors.js';

/** When a registry is asked for a name that the store knows already. */
export type PullPolicy = 'always' | 'missing' | 'never' | 'newer';

export interface ImageResolverOptions {
  readonly store: Store;
  /** Made when a registry is first needed. */
  readonly client: () => Promise<RegistryClient>;
  readonly job: Job;
  /** Undefined: `newer`, but what was built, loaded or tagged here wins for its name. */
  readonly policy: PullPolicy | undefined;
}

/** Further attempts to ask whether a copy of the store is current: without an answer it serves. */
const patienceOfCheck = 1;

/** Finds base images by name: in the store, else in their registry. Each name is resolved once per build. */
export class ImageResolver {
  readonly #resolved = new Map<string, Promise<ResolvedImage>>();
  /** One turn for each name: images of several platforms join under it. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(private readonly options: ImageResolverOptions) {}

  /** Throws `usage` for a bad name, `registry`, `auth` or `image` when it cannot be had. */
  resolve(name: string, platform: Platform): Promise<ResolvedImage> {
    const key = `${name} ${formatPlatform(platform)}`;
    const known = this.#resolved.get(key);
    if (known !== undefined) return known;
    const before = this.#turns.get(name) ?? Promise.resolve();
    const resolve = () => this.#resolve(withDefaultTag(parseReference(name)), platform);
    const promise = before.then(resolve, resolve);
    this.#turns.set(name, promise);
    this.#resolved.set(key, promise);
    return promise;
  }

  async #resolve(reference: Reference, platform: Platform): Promise<ResolvedImage> {
    const { store, policy } = this.options;
    const name = formatReference(reference);
    const stored = await store.references.get(name);
    const here = stored && imagesOf(stored.target).find((image) => equalPlatforms(image.platform, platform));
    const image = await this.#current(reference, platform, { here, policy });
    return resolvedImage(this.options.store, name, image);
  }

  async #current(
    reference: Reference,
    platform: Platform,
    { here, policy }: { readonly here: StoredImage | undefined; readonly policy: PullPolicy | undefined },
  ): Promise<StoredImage> {
    const name = formatReference(reference);
    if (policy === 'never' || policy === 'missing') {
      if (here !== undefined) return here;
      if (policy === 'never')
        throw new TsbuildError(
          'image',
          `${name} is not in the store for ${formatPlatform(platform)}, and --pull=never was given`,
        );
    }
    const pinned = reference.digest !== undefined || here?.source === undefined;
    if (here !== undefined && policy !== 'always' && pinned) return here;
    return this.#asked(reference, platform, policy === 'always' ? undefined : here);
  }

  /** One HEAD; a copy in the store serves when the registry cannot be reached. */
  async #asked(
    reference: Reference,
    platform: Platform,
    here: StoredImage | undefined,
  ): Promise<StoredImage> {
    const { store, job } = this.options;
    const client = await this.options.client();
    const { pullImage } = await import('./pull-image.js');
    if (here === undefined) return pullImage({ store, client, job }, reference, platform);
    try {
      const found = await client.resolve(reference, job, patienceOfCheck);
      if (found !== undefined && found.descriptor.digest === here.etag) return here;
      return await pullImage({ store, client, job }, reference, platform);
    } catch (error) {
      if (!(error instanceof TsbuildError) || error.code === 'cancelled') throw error;
      job.emit({
        kind: 'warning',
        message: `${formatReference(reference)} could not be checked, the copy in the store is used: ${error.message}`,
      });
      return here;
    }
  }
}

/** Reads the documents of an image of the store. Its layers may be elsewhere. Throws `image` and `store`. */
export async function resolvedImage(
  { blobs }: Store,
  name: string,
  image: StoredImage,
): Promise<ResolvedImage> {
  const [manifestBytes, configBytes] = await Promise.all([
    blobs.read(image.manifest.digest, maxDocumentSize),
    blobs.read(image.config, maxDocumentSize),
  ]);
  const config = parseImageConfig(configBytes);
  const manifest = parseManifest(manifestBytes);
  const repository = image.source === undefined ? undefined : repositoryOf(image.source);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length) {
    throw new TsbuildError(
      'image',
      `${name} has ${manifest.layers.length} layers and ${diffIds.length} DiffIDs`,
    );
  }
  const layers = manifest.layers.flatMap((descriptor, i) => {
    const diffId = diffIds[i];
    return diffId === undefined
      ? []
      : [{ diffId, blob: { descriptor, ...(repository === undefined ? {} : { repository }) } }];
  });
  const { annotations } = manifest;
  return { name, configDigest: image.config, config, layers, manifest: image.manifest, annotations };
}

/** `registry/repository` of a reference. */
export function repositoryOf(source: string): string {
  const { registry, repository } = parseReference(source);
  return `${registry}/${repository}`;
}
