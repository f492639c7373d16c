import type { RemoteCaches, RemoteCacheTools } from '../build/remote-caches.js';
import { parseReference } from '../oci/reference.js';
import type { BuildRequest } from './build-request.js';
import type { CliContext } from './context.js';
import type { RegistryRequest } from './registry-request.js';

/** Opens the caches of `--cache-from` and `--cache-to`; undefined when there are none. Throws `usage`. */
export async function remoteCaches(
  { cacheFrom, cacheTo }: Pick<BuildRequest, 'cacheFrom' | 'cacheTo'>,
  { cwd, env }: Pick<CliContext, 'cwd' | 'env'>,
  tools: Omit<RemoteCacheTools, 'env'>,
): Promise<RemoteCaches | undefined> {
  if (cacheFrom.length + cacheTo.length === 0) return undefined;
  const [{ parseCacheFrom, parseCacheTo }, { RemoteCaches: caches }] = await Promise.all([
    import('../cache/remote/options.js'),
    import('../build/remote-caches.js'),
  ]);
  const from = cacheFrom.map((text) => parseCacheFrom(text, cwd));
  const to = cacheTo.map((text) => parseCacheTo(text, cwd));
  for (const { place, ignored } of [...from, ...to]) {
    if (ignored.length === 0) continue;
    const message = `a cache of type=${place?.type ?? 'inline'}: ${ignored.join(', ')} has no effect`;
    tools.job.emit({ kind: 'warning', message });
  }
  return caches.open({ from, to }, { ...tools, env });
}

/** How registries are reached, with those of caches that say `registry.insecure=true`. Throws `usage`. */
export async function withInsecureCaches(
  { cacheFrom, cacheTo, registry }: Pick<BuildRequest, 'cacheFrom' | 'cacheTo' | 'registry'>,
  { cwd }: Pick<CliContext, 'cwd'>,
): Promise<RegistryRequest> {
  if (![...cacheFrom, ...cacheTo].some((text) => text.includes('registry.insecure'))) return registry;
  const { parseCacheFrom, parseCacheTo } = await import('../cache/remote/options.js');
  const places = [
    ...cacheFrom.map((text) => parseCacheFrom(text, cwd).place),
    ...cacheTo.map((text) => parseCacheTo(text, cwd).place),
  ];
  const hosts = places.flatMap((place) =>
    place?.type === 'registry' && place.insecure ? [parseReference(place.ref).registry] : [],
  );
  return { ...registry, insecureRegistries: [...registry.insecureRegistries, ...hosts] };
}
