import type { SpaceLimits } from '../cache/collect-cache.js';
import type { CliContext } from './context.js';
import { parseSize } from './step-options.js';

/** Limits of the cache that hold at the end of builds: TSBUILD_MAX_USED_SPACE and its like. Throws `usage`. */
export function spaceLimits({ env }: CliContext): SpaceLimits {
  const size = (name: string): number | undefined => {
    const text = env[name];
    return text === undefined || text === '' ? undefined : parseSize(name, text);
  };
  return {
    maxUsed: size('TSBUILD_MAX_USED_SPACE'),
    reserved: size('TSBUILD_RESERVED_SPACE'),
    minFree: size('TSBUILD_MIN_FREE_SPACE'),
  };
}
