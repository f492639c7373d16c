import { parseReference, type Reference } from '../oci/reference.js';
import type { Job } from '../progress/event.js';
import { byRepository } from '../registry/repository-name.js';
import type { RegistryClient, Repository } from '../registry/types.js';
import type { PushOutput } from './build-outputs.js';

/** Questions to the registries that a build will push to, asked while it builds. */
export interface PushCheck {
  /** Rejects when a push would be refused. */
  readonly done: Promise<void>;
  /** Aborted with the job's, and when a push would be refused. */
  readonly signal: AbortSignal;
  /** When nothing more will be pushed. */
  end(): Promise<void>;
}

/**
 * Looks whether pushes would be refused, and what their tags name now. `isWanted` false: nothing is asked before the
 * image is pushed.
 */
export function checkPushes(
  pushes: readonly PushOutput[],
  isWanted: boolean,
  { client, job }: { readonly client: () => Promise<RegistryClient>; readonly job: Job },
): PushCheck {
  const targets = pushes.flatMap(({ names }) => names).map((name) => parseReference(name));
  const repositories = isWanted ? byRepository(targets) : [];
  const stop = new AbortController();
  const ask = async ([where, references]: readonly [Repository, readonly Reference[]]): Promise<void> => {
    const registries = await client();
    await registries.checkPush(where, job);
    for (const reference of references) registries.learnContents(reference, job);
  };
  const done = Promise.all(repositories.map(ask)).then(() => undefined);
  done.catch(() => stop.abort());
  const end = async (): Promise<void> => {
    const asked = await done.then(
      () => repositories,
      () => [],
    );
    const registries = asked.length === 0 ? undefined : await client();
    await Promise.all(asked.map(async ([where]) => registries?.endCheck(where, job)));
  };
  return { done, signal: AbortSignal.any([job.signal, stop.signal]), end };
}

/** Does what a check was begun for, and ends it. Throws the refusal that stopped the work, if one did. */
export async function underCheck(check: PushCheck, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (check.signal.aborted) await check.done;
    throw error;
  } finally {
    await check.end();
  }
}
