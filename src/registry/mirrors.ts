import type { Reference } from '../oci/reference.js';
import type { Descriptor } from '../oci/types.js';
import type { Job } from '../progress/event.js';
import { RegistryFailure } from './failure.js';
import type { RegistryClient, Repository, ResolvedManifest } from './types.js';

/** Places (`host[:port][/path]`) that are asked before a registry, in order, by the registry's name. */
export type Mirrors = Readonly<Record<string, readonly string[]>>;

/**
 * A client that pulls from mirrors first and falls back to the registry itself: silently where a mirror lacks
 * something, with a warning where it fails. Nothing is ever pushed to a mirror, and nothing else is asked of one.
 */
export function withMirrors(client: RegistryClient, mirrors: Mirrors): RegistryClient {
  const places = <T extends Repository>(where: T): readonly T[] => [...mirrored(where, mirrors), where];
  return {
    resolve: (reference, job) => resolveFrom(client, places(reference), job),
    manifest: (reference, job) => firstOf(places(reference), job, (place) => client.manifest(place, job)),
    openBlob: (where, descriptor, job, offset) =>
      openFrom(client, places(where), { descriptor, job, offset }),
    blobExists: (where, digest, job) => client.blobExists(where, digest, job),
    pushBlob: (where, blob, job, step) => client.pushBlob(where, blob, job, step),
    putManifest: (where, reference, type, bytes, job) =>
      client.putManifest(where, reference, type, bytes, job),
    checkPush: (where, job) => client.checkPush(where, job),
    listTags: (where, job) => client.listTags(where, job),
    close: () => client.close(),
  };
}

function mirrored<T extends Repository>(where: T, mirrors: Mirrors): readonly T[] {
  const names = Object.hasOwn(mirrors, where.registry) ? (mirrors[where.registry] ?? []) : [];
  return names.map((mirror) => {
    const slash = mirror.indexOf('/');
    const registry = (slash === -1 ? mirror : mirror.slice(0, slash)).toLowerCase();
    const path = slash === -1 ? '' : `${mirror.slice(slash + 1).replace(/\/+$/, '')}/`;
    return { ...where, registry, repository: `${path}${where.repository}` };
  });
}

async function resolveFrom(
  client: RegistryClient,
  places: readonly Reference[],
  job: Job,
): Promise<ResolvedManifest | undefined> {
  return firstOf(places, job, async (place) => {
    const found = await client.resolve(place, job);
    if (found === undefined && place !== places.at(-1))
      throw new RegistryFailure('registry', 'not there', { status: 404 });
    return found;
  });
}

async function* openFrom(
  client: RegistryClient,
  places: readonly Repository[],
  { descriptor, job, offset }: { descriptor: Descriptor; job: Job; offset: number | undefined },
): AsyncGenerator<Uint8Array> {
  const { iterator, first } = await firstOf(places, job, async (place) => {
    const opened = client.openBlob(place, descriptor, job, offset)[Symbol.asyncIterator]();
    return { iterator: opened, first: await opened.next() };
  });
  try {
    for (let item = first; item.done !== true; item = await iterator.next()) yield item.value;
  } finally {
    await iterator.return?.();
  }
}

/** The first place that does not fail; the last one's failure is the one that is thrown. */
async function firstOf<P extends Repository, T>(
  places: readonly P[],
  job: Job,
  ask: (place: P) => Promise<T>,
): Promise<T> {
  for (const [i, place] of places.entries()) {
    try {
      return await ask(place);
    } catch (error) {
      if (!(error instanceof RegistryFailure) || i === places.length - 1) throw error;
      if (error.status !== 404)
        job.emit({
          kind: 'warning',
          message: `${error.message}; going on without the mirror ${place.registry}`,
        });
    }
  }
  throw new RangeError('no place to ask');
}
