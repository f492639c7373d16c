import type { Reference } from '../oci/reference.js';
import type { Descriptor } from '../oci/types.js';
import type { Job } from '../progress/event.js';
import { RegistryFailure } from './failure.js';
import { repositoryName } from './repository-name.js';
import type { Mirror, RegistryClient, RegistryRule, Repository, ResolvedManifest } from './types.js';

/**
 * A client that follows rules: it pulls from mirrors first and falls back to the registry itself, silently where a
 * mirror lacks something, with a warning where it fails. Nothing is ever pushed to a mirror, and nothing else is asked
 * of one. What is blocked is refused before anything is sent.
 */
export function withRules(client: RegistryClient, rules: readonly RegistryRule[]): RegistryClient {
  const places = <T extends Repository>(where: T, kind: Kind): readonly T[] =>
    placesOf(allowed(where, rules), ruleFor(where, rules), kind);
  return {
    resolve: async (reference, job, patience) =>
      resolveFrom(client, places(reference, kindOf(reference)), { job, patience }),
    manifest: async (reference, job) =>
      firstOf(places(reference, kindOf(reference)), job, (place) => client.manifest(place, job)),
    openBlob: (where, descriptor, job, offset) =>
      openFrom(client, () => places(where, 'blob'), { descriptor, job, offset }),
    blobExists: async (where, digest, job) => client.blobExists(allowed(where, rules), digest, job),
    pushBlob: async (where, blob, job, step) => client.pushBlob(allowed(where, rules), blob, job, step),
    beginUpload: (where, read, job, as) => client.beginUpload(allowed(where, rules), read, job, as),
    putManifest: async (where, reference, type, bytes, job) =>
      client.putManifest(allowed(where, rules), reference, type, bytes, job),
    checkPush: async (where, job) => client.checkPush(allowed(where, rules), job),
    endCheck: (where, job) => client.endCheck(where, job),
    learnContents: (reference, job) => client.learnContents(allowed(reference, rules), job),
    listTags: async (where, job) => client.listTags(allowed(where, rules), job),
    referrers: async (where, digest, job) => client.referrers(allowed(where, rules), digest, job),
    signIn: (registry, job) => client.signIn(registry, job),
    close: () => client.close(),
  };
}

type Kind = 'tag' | 'digest' | 'blob';

function kindOf({ digest }: Reference): Kind {
  return digest === undefined ? 'tag' : 'digest';
}

function ruleFor(where: Repository, rules: readonly RegistryRule[]): RegistryRule | undefined {
  const name = repositoryName(where);
  return rules
    .filter(({ prefix }) =>
      prefix.startsWith('*.')
        ? where.registry.endsWith(prefix.slice(1).toLowerCase())
        : `${name}/`.startsWith(`${trimmed(prefix)}/`),
    )
    .sort((a, b) => b.prefix.length - a.prefix.length)[0];
}

function allowed<T extends Repository>(where: T, rules: readonly RegistryRule[]): T {
  const rule = ruleFor(where, rules);
  if (rule?.blocked !== true) return where;
  throw new RegistryFailure('registry', `${repositoryName(where)} is blocked`, {
    hint: `registries.conf blocks ${JSON.stringify(rule.prefix)}`,
  });
}

function placesOf<T extends Repository>(where: T, rule: RegistryRule | undefined, kind: Kind): readonly T[] {
  if (rule === undefined) return [where];
  const mirrors = (rule.mirrors ?? []).filter((mirror) => serves(mirror, kind));
  const moved = mirrors.map(({ location }) => rewritten(where, rule.prefix, location));
  if (rule.mirrorsOnly === true && moved.length > 0) return moved;
  return [...moved, rule.location === undefined ? where : rewritten(where, rule.prefix, rule.location)];
}

function serves({ serves: what = 'all' }: Mirror, kind: Kind): boolean {
  return what === 'all' || kind === 'blob' || what === `${kind}s`;
}

/** The same repository with another prefix; what a wildcard prefix stands for is the host. */
function rewritten<T extends Repository>(where: T, prefix: string, location: string): T {
  const rest = prefix.startsWith('*.')
    ? where.repository
    : repositoryName(where).slice(trimmed(prefix).length + 1);
  const place = trimmed(location);
  const slash = place.indexOf('/');
  const registry = (slash === -1 ? place : place.slice(0, slash)).toLowerCase();
  const path = slash === -1 ? [] : [place.slice(slash + 1)];
  return { ...where, registry, repository: [...path, rest].filter((part) => part !== '').join('/') };
}

function trimmed(place: string): string {
  return place.replace(/\/+$/, '');
}

async function resolveFrom(
  client: RegistryClient,
  places: readonly Reference[],
  { job, patience }: { job: Job; patience: number | undefined },
): Promise<ResolvedManifest | undefined> {
  return firstOf(places, job, async (place) => {
    const found = await client.resolve(place, job, patience);
    if (found === undefined && place !== places.at(-1))
      throw new RegistryFailure('registry', 'not there', { status: 404 });
    return found;
  });
}

async function* openFrom(
  client: RegistryClient,
  places: () => readonly Repository[],
  { descriptor, job, offset }: { descriptor: Descriptor; job: Job; offset: number | undefined },
): AsyncGenerator<Uint8Array> {
  const { iterator, first } = await firstOf(places(), job, async (place) => {
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
