/** Blobs that a repository has because an image that it names consists of them. */
import type { Digest } from '../oci/digest.js';
import type { Reference } from '../oci/reference.js';
import type { Descriptor } from '../oci/types.js';
import { parseImageDocument } from '../oci/validate.js';
import { repositoryName } from './repository-name.js';
import type { Repository } from './types.js';

type Sizes = ReadonlyMap<Digest, number>;

/**
 * What was read of the manifests of repositories. A registry takes a manifest when it has what that names, and keeps
 * it as long (distribution-spec, "Pushing Manifests"); what it lost all the same it says when it is sent a manifest.
 */
export class KnownContents {
  readonly #known = new Map<string, Promise<Sizes>[]>();

  /** `fetch` gives the manifest that `reference` names; when it fails, nothing is known. */
  learn(
    reference: Reference,
    fetch: () => Promise<{ readonly descriptor: Descriptor; readonly bytes: Uint8Array }>,
  ): void {
    const sizes = fetch().then(blobsOf, () => new Map<Digest, number>());
    const key = repositoryName(reference);
    this.#known.set(key, [...(this.#known.get(key) ?? []), sizes]);
  }

  async has(where: Repository, { digest, size }: Descriptor): Promise<boolean> {
    for (const sizes of this.#known.get(repositoryName(where)) ?? []) {
      if ((await sizes).get(digest) === size) return true;
    }
    return false;
  }

  forget(where: Repository): void {
    this.#known.delete(repositoryName(where));
  }
}

/** None of an index, and none that may lie elsewhere. */
function blobsOf({
  descriptor,
  bytes,
}: {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}): Sizes {
  try {
    const document = parseImageDocument(bytes, descriptor.mediaType);
    if (document.kind === 'index') return new Map();
    const { config, layers } = document.manifest;
    const own = [config, ...layers].filter(
      ({ urls, mediaType }) => urls === undefined && !/nondistributable|foreign/.test(mediaType),
    );
    return new Map(own.map(({ digest, size }) => [digest, size]));
  } catch {
    return new Map(); // it is replaced anyway
  }
}
