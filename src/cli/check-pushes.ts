import { parseReference } from '../oci/reference.js';
import type { Job } from '../progress/event.js';
import type { RegistryClient } from '../registry/types.js';
import type { PushOutput } from './build-outputs.js';

/** Fails now rather than after the build when a push would be refused. */
export async function checkPushes(
  pushes: readonly PushOutput[],
  client: () => Promise<RegistryClient>,
  job: Job,
): Promise<void> {
  const repositories = new Map(
    pushes
      .flatMap(({ names }) => names)
      .map((name) => parseReference(name))
      .map(({ registry, repository }) => [`${registry}/${repository}`, { registry, repository }]),
  );
  if (repositories.size === 0) return;
  const registries = await client();
  await Promise.all([...repositories.values()].map((where) => registries.checkPush(where, job)));
}
