import type { RemoteBlob } from '../layers/layer.js';
import { parseReference } from '../oci/reference.js';
import type { Job } from '../progress/event.js';
import type { RegistryClient } from '../registry/types.js';
import { TsbuildError } from '../util/errors.js';

/** Streams a blob from the repository that has it, with progress as a step of its own. Throws `store` without one. */
export async function* fetchBlob(
  { descriptor, repository }: RemoteBlob,
  { client, job }: { readonly client: () => Promise<RegistryClient>; readonly job: Job },
): AsyncGenerator<Uint8Array> {
  const { digest, size } = descriptor;
  if (repository === undefined) {
    throw new TsbuildError(
      'store',
      `the blob ${digest} is not in the store and no registry is known to have it`,
      {
        hint: 'build, load or pull the image again',
      },
    );
  }
  const step = `pull ${digest}`;
  job.emit({ kind: 'declared', step, name: `[internal] pull ${repository} ${digest.slice(0, 19)}` });
  job.emit({ kind: 'started', step });
  let done = 0;
  const registry = await client();
  for await (const chunk of registry.openBlob(parseReference(repository), descriptor, job)) {
    done += chunk.length;
    job.emit({ kind: 'transfer', step, item: digest, done, total: size });
    yield chunk;
  }
  job.emit({ kind: 'finished', step, outcome: 'done' });
}
