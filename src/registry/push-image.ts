import pLimit from 'p-limit';
import type { Reference } from '../oci/reference.js';
import type { Descriptor } from '../oci/types.js';
import type { Job, StepId } from '../progress/event.js';
import { lacksContent } from './manifests.js';
import { byRepository } from './repository-name.js';
import type { PushableBlob, RegistryClient, Repository } from './types.js';

const parallelBlobs = 4;

/** A manifest, or an index with its manifests, ready to be pushed. */
export interface PushableImage {
  /** Of `bytes`. */
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  /** What the manifest names, but the config. None for an index. */
  readonly layers: readonly PushableBlob[];
  readonly config?: PushableBlob | undefined;
  /** Members of an index. */
  readonly manifests?: readonly PushableImage[] | undefined;
}

/**
 * Pushes an image to all targets: in every repository first layers and configs (side by side), then manifests below
 * an index; when all repositories have everything, the image itself by tag. A tag never names anything
 * incomplete. A target without tag and digest gets the tag `latest`. Returns the image's descriptor.
 */
export async function pushImage(
  client: RegistryClient,
  image: PushableImage,
  targets: readonly Reference[],
  job: Job,
  step: StepId,
): Promise<Descriptor> {
  const groups = byRepository(targets);
  const done: Repository[] = [];
  for (const [where] of groups) {
    const siblings = done
      .filter(({ registry }) => registry === where.registry)
      .map(({ repository }) => repository);
    await new ContentPush(client, { where, siblings, job, step }).push(image);
    done.push(where);
  }
  for (const [where, references] of groups) {
    for (const reference of references) {
      const push = new ContentPush(client, { where, siblings: [], job, step });
      await push.manifest(image, reference.tag ?? reference.digest ?? 'latest');
    }
  }
  return image.descriptor;
}

interface Destination {
  readonly where: Repository;
  /** Repositories of the same registry that have the image's blobs already. */
  readonly siblings: readonly string[];
  readonly job: Job;
  readonly step: StepId;
}

/** Pushes what an image is made of to one repository. */
class ContentPush {
  constructor(
    private readonly client: RegistryClient,
    private readonly to: Destination,
  ) {}

  /** Everything but the image's own manifest. */
  async push(image: PushableImage): Promise<void> {
    const blobs = ({ layers, config }: PushableImage): readonly PushableBlob[] =>
      config === undefined ? layers : [config, ...layers];
    await this.#blobs(withDescendants(image).flatMap(blobs));
    await this.#children(image);
  }

  /**
   * The manifest; blobs that the registry lost since they were found there (a garbage collection between) are sent
   * again once.
   */
  async manifest(image: PushableImage, reference: string): Promise<void> {
    const { where, job } = this.to;
    const put = () => this.client.putManifest(where, reference, image.descriptor.mediaType, image.bytes, job);
    try {
      await put();
    } catch (error) {
      if (!lacksContent(error)) throw error;
      job.emit({
        kind: 'warning',
        step: this.to.step,
        message: `${error.message}; sending what is missing again`,
      });
      await this.push(image);
      await put();
    }
  }

  async #children(image: PushableImage): Promise<void> {
    for (const child of image.manifests ?? []) {
      await this.#children(child);
      await this.manifest(child, child.descriptor.digest);
    }
  }

  /** Side by side. The first failure stops all of them. */
  async #blobs(blobs: readonly PushableBlob[]): Promise<void> {
    const limit = pLimit(parallelBlobs);
    const stop = new AbortController();
    const { where, siblings, step } = this.to;
    const job = { ...this.#emitter(), signal: AbortSignal.any([this.to.job.signal, stop.signal]) };
    let failure: { readonly error: unknown } | undefined;
    const push = async (blob: PushableBlob): Promise<void> => {
      if (failure !== undefined) return;
      const mountFrom = [...siblings, ...(blob.mountFrom ?? [])];
      const { descriptor, isNew, begun } = blob;
      try {
        await this.client.pushBlob(
          where,
          { descriptor, open: (offset) => blob.open(offset), mountFrom, isNew, begun },
          job,
          step,
        );
      } catch (error) {
        failure ??= { error };
        stop.abort();
      }
    };
    const unique = new Map(blobs.map((blob) => [blob.descriptor.digest, blob]));
    await Promise.all([...unique.values()].map((blob) => limit(() => push(blob))));
    if (failure !== undefined) throw failure.error;
  }

  #emitter(): Pick<Job, 'emit'> {
    return { emit: (event) => this.to.job.emit(event) };
  }
}

function withDescendants(image: PushableImage): readonly PushableImage[] {
  return [image, ...(image.manifests ?? []).flatMap(withDescendants)];
}
