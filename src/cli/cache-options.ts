import type { RemoteCaches, RemoteCacheTools } from '../build/remote-caches.js';
import type { BuildRequest } from './build-request.js';
import type { CliContext } from './context.js';

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
  return caches.open({ from, to }, { ...tools, env });
}
