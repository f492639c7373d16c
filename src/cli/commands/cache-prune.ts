import { cacheMountFolder, pruneCacheMounts } from '../../executor/cache-mounts-prune.js';
import { join } from 'node:path';
import { collectCache } from '../../cache/collect-cache.js';
import { formatBytes } from '../../progress/units.js';
import { filterOption, parseCacheFilters } from '../cache-filters.js';
import { defineCommand } from '../define-command.js';
import { withStore } from '../open-store.js';
import type { OptionTable, OptionValues } from '../option-table.js';
import { parseSize } from '../step-options.js';

const defaultAge = 7 * 86_400_000;

const options = {
  all: { kind: 'flag', short: 'a', describe: 'Delete all cached results that are not pinned' },
  filter: filterOption,
  'max-used-space': { kind: 'text', value: 'SIZE', describe: 'Delete until the cache is not larger' },
  'min-free-space': { kind: 'text', value: 'SIZE', describe: 'Delete until the disk has this much space' },
  'reserved-space': {
    kind: 'text',
    value: 'SIZE',
    describe: 'Of a cache not larger than this the limits of space delete nothing',
  },
  'dry-run': { kind: 'flag', describe: 'Print what would be deleted' },
  force: { kind: 'flag', short: 'f', describe: 'Accepted for scripts: tsbuild never asks' },
} as const satisfies OptionTable;

export const cachePrune = defineCommand({
  name: 'cache prune',
  summary:
    'Delete cached results that were not used for a week, and all that no name and no cached result needs',
  positionals: '',
  arity: [0, 0],
  options,
  epilogue:
    'With limits of space the results that were used longest ago go first. With --filter other than until all that fit go.',
  touchesLayers: true,
  async run({ options: given }, context) {
    const policy = policyOf(given, Date.now());
    let caches = { count: 0, bytes: 0 };
    const collected = await withStore(context, (store) =>
      collectCache(store, {
        ...policy,
        signal: context.signal,
        also: async () => {
          if (policy.mountsUsedSince === undefined) return;
          const { dryRun, mountsUsedSince: usedSince } = policy;
          caches = await pruneCacheMounts(join(store.root, cacheMountFolder), { usedSince, dryRun });
        },
      }),
    );
    const { blobs, directories, records } = collected;
    const bytes = collected.bytes + caches.bytes;
    const verb = given['dry-run'] ? 'would delete' : 'deleted';
    context.stdout.write(
      `${verb} ${blobs.count} blobs, ${directories.count} unpacked layers, ${caches.count} caches of RUN --mount and ${records.count} records: ${formatBytes(bytes)}\n`,
    );
    return 0;
  },
});

/** Without any limit it is a week; a filter or limits of space replace it. */
function policyOf(given: OptionValues<typeof options>, now: number) {
  const { matches, until } = parseCacheFilters(given.filter);
  const size = (name: 'max-used-space' | 'min-free-space' | 'reserved-space') =>
    given[name] === undefined ? undefined : parseSize(`--${name}`, given[name]);
  const limits = {
    maxUsed: size('max-used-space'),
    minFree: size('min-free-space'),
    reserved: size('reserved-space'),
  };
  const bySpace = limits.maxUsed !== undefined || limits.minFree !== undefined;
  const chosen = given.filter.some((filter) => !filter.startsWith('until='));
  const age = until ?? (given.all || chosen ? -Infinity : bySpace ? undefined : defaultAge);
  return {
    matches,
    usedSince: age === undefined ? 0 : now - age,
    ...(chosen ? { rememberedSince: 0 } : {}),
    ...limits,
    dryRun: given['dry-run'],
    /** Folders of RUN --mount=type=cache are pruned by their age only. */
    mountsUsedSince: chosen || bySpace ? undefined : now - (age ?? 0),
  };
}
