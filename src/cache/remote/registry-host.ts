import type { RemoteBlob } from '../../layers/layer.js';
import { isDigest, type Digest } from '../../oci/digest.js';
import { mediaTypes } from '../../oci/media-types.js';
import { formatReference, parseReference, type Reference } from '../../oci/reference.js';
import type { Descriptor } from '../../oci/types.js';
import type { Job, StepId } from '../../progress/event.js';
import { RegistryFailure } from '../../registry/failure.js';
import type { BegunUpload, RegistryClient, Repository } from '../../registry/types.js';
import { emptyBlob } from './artifact.js';
import type { ArtifactHost, OutgoingBlob } from './storage.js';

/**
 * Bytes of a blob that is sent without asking whether it is there: what the cache is known to have is not sent, and to
 * send so little costs no more than to ask.
 */
const smallBlob = 64 * 1024;

export interface RegistryHostOptions {
  readonly client: () => Promise<RegistryClient>;
  readonly job: Job;
  /** The step that transfers belong to. */
  readonly step: StepId;
}

/** A repository of a registry as the place of a cache. Registries have no compare-and-swap: nothing is ever exclusive. */
export class RegistryHost implements ArtifactHost {
  readonly name: string;
  readonly #where: Repository;

  constructor(
    reference: Reference,
    private readonly options: RegistryHostOptions,
  ) {
    const { registry, repository } = reference;
    this.#where = { registry, repository };
    this.name = formatReference(reference);
  }

  async *open(blob: Descriptor): AsyncGenerator<Uint8Array> {
    const client = await this.options.client();
    yield* client.openBlob(this.#where, blob, this.options.job);
  }

  async put(blob: OutgoingBlob): Promise<void> {
    const { client, job, step } = this.options;
    const { descriptor } = blob;
    const isNew = descriptor.size <= smallBlob && descriptor.digest !== emptyBlob.descriptor.digest;
    const begun = await blob.begun;
    const pushable = { descriptor, isNew, mountFrom: this.#mountFrom(blob), begun };
    const open = (offset?: number) => blob.open(offset);
    await (await client()).pushBlob(this.#where, { ...pushable, open }, job, step);
  }

  async begin(read: (offset?: number) => AsyncIterable<Uint8Array>, item: string): Promise<BegunUpload> {
    const { client, job, step } = this.options;
    return (await client()).beginUpload(this.#where, read, job, { step, item });
  }

  #mountFrom({ from }: OutgoingBlob): readonly string[] {
    const source = from === undefined ? undefined : parseReference(from);
    return source?.registry === this.#where.registry ? [source.repository] : [];
  }

  locate(descriptor: Descriptor): RemoteBlob {
    return { descriptor, repository: `${this.#where.registry}/${this.#where.repository}` };
  }

  async has(digest: Digest): Promise<boolean> {
    return (await this.options.client()).blobExists(this.#where, digest, this.options.job);
  }

  async manifest(name: string): Promise<Uint8Array | undefined> {
    const client = await this.options.client();
    const named = isDigest(name) ? { digest: name } : { tag: name };
    try {
      return (await client.manifest({ ...this.#where, ...named }, this.options.job)).bytes;
    } catch (error) {
      if (error instanceof RegistryFailure && error.status === 404) return undefined;
      throw error;
    }
  }

  async tags(prefix: string): Promise<readonly string[]> {
    const tags = await (await this.options.client()).listTags(this.#where, this.options.job);
    return tags.filter((tag) => tag.startsWith(prefix));
  }

  async putManifest(tag: string, bytes: Uint8Array): Promise<void> {
    const client = await this.options.client();
    await client.putManifest(this.#where, tag, mediaTypes.ociManifest, bytes, this.options.job);
  }

  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }

  /** Another build may have written a head meanwhile that does not cover them. */
  forget(): Promise<void> {
    return Promise.resolve();
  }
}
