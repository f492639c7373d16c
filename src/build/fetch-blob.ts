import pLimit, { type LimitFunction } from 'p-limit';
import type { RemoteBlob } from '../layers/layer.js';
import { parseReference } from '../oci/reference.js';
import type { Job } from '../progress/event.js';
import type { RegistryClient } from '../registry/types.js';
import { TsbuildError } from '../util/errors.js';
import type { RemoteCaches } from './remote-caches.js';

const parallelDownloads = 4;

export interface FetchTools {
  readonly client: () => Promise<RegistryClient>;
  readonly job: Job;
  /** Remote caches that are no repositories. */
  readonly caches?: RemoteCaches | undefined;
}

/** Fetches blobs from the repositories that have them, four at a time, each with progress as a step of its own. */
export function blobFetcher(tools: FetchTools): (blob: RemoteBlob) => AsyncIterable<Uint8Array> {
  const limit = pLimit(parallelDownloads);
  return ({ descriptor, repository, cache }) =>
    inTurn(limit, () =>
      cache === undefined || tools.caches === undefined
        ? fetchBlob({ descriptor, repository }, tools)
        : tools.caches.fetch({ descriptor, cache }),
    );
}

/** A stream that has its turn from its first chunk to its end. Whoever reads it must not wait for another one. */
async function* inTurn(
  limit: LimitFunction,
  open: () => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let release = (): void => undefined;
  const ended = new Promise<void>((resolve) => (release = resolve));
  try {
    await new Promise<void>((begin) => {
      void limit(() => {
        begin();
        return ended;
      });
    });
    yield* open();
  } finally {
    release();
  }
}

/** Streams a blob, resumed after drops and compared with its digest. Throws `store` for one of no repository. */
async function* fetchBlob(
  { descriptor, repository }: RemoteBlob,
  { client, job }: FetchTools,
): AsyncGenerator<Uint8Array> {
  const { digest, size } = descriptor;
  if (repository === undefined) {
    throw new TsbuildError(
      'store',
      `the blob ${digest} is not in the store and no registry is known to have it`,
      { hint: 'build, load or pull the image again' },
    );
  }
  const step = `pull ${digest}`;
  job.emit({ kind: 'declared', step, name: `[internal] pull ${repository} ${digest.slice(0, 19)}` });
  job.emit({ kind: 'started', step });
  let done = 0;
  const registry = await client();
  try {
    for await (const chunk of registry.openBlob(parseReference(repository), descriptor, job)) {
      done += chunk.length;
      job.emit({ kind: 'transfer', step, item: digest, done, total: size });
      yield chunk;
    }
  } catch (error) {
    if (error instanceof TsbuildError && error.damaged)
      job.emit({ kind: 'warning', step, message: error.message });
    throw error;
  }
  job.emit({ kind: 'finished', step, outcome: 'done' });
}
