import { parseReference } from '../../oci/reference.js';
import type { Job } from '../../progress/event.js';
import type { RegistryClient } from '../../registry/types.js';
import { exportStep } from './cache-exporter.js';
import type { CachePlace } from './options.js';
import type { ArtifactHost, RemoteStorage } from './storage.js';
import { TaggedStorage } from './tagged-storage.js';

export interface StorageTools {
  readonly client: () => Promise<RegistryClient>;
  readonly job: Job;
  /** Variables that some kinds of caches are reached by. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Opens the storage of a place. Nothing is connected; what a kind of place needs is loaded when it is used. */
export async function openStorage(place: CachePlace, tools: StorageTools): Promise<RemoteStorage> {
  if (place.type === 'gha') {
    const { ActionsStorage } = await import('./actions-storage.js');
    return new ActionsStorage(place, tools.env, tools.job);
  }
  const onWarning = (message: string): void => tools.job.emit({ kind: 'warning', message });
  const { host, tag } = await openHost(place, tools);
  const reset = place.type === 'local' && place.reset;
  return new TaggedStorage(host, { tag, reset, onWarning });
}

async function openHost(
  place: Exclude<CachePlace, { type: 'gha' }>,
  { client, job, env }: StorageTools,
): Promise<{ readonly host: ArtifactHost; readonly tag: string }> {
  switch (place.type) {
    case 'registry': {
      const { RegistryHost } = await import('./registry-host.js');
      const reference = parseReference(place.ref);
      const host = new RegistryHost(reference, { client, job, step: exportStep(place.ref) });
      return { host, tag: reference.digest ?? reference.tag ?? 'latest' };
    }
    case 'local': {
      const { FolderHost } = await import('./folder-host.js');
      return { host: new FolderHost(place.path), tag: place.tag };
    }
    case 's3': {
      const { S3Host } = await import('./s3-host.js');
      return { host: new S3Host(place, env, job), tag: place.name };
    }
  }
}
