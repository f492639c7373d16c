import { join } from 'node:path';
import { cacheMountFolder, pruneCacheMounts } from '../../executor/cache-mounts-prune.js';
import { formatBytes } from '../../progress/units.js';
import { collectGarbage } from '../../store/collect-garbage.js';
import { TsbuildError } from '../../util/errors.js';
import { defineCommand } from '../define-command.js';
import { withStore } from '../open-store.js';
import { markKept } from '../prune-marks.js';
import { parseDuration } from '../registry-request.js';

const defaultAge = 7 * 86_400_000;

export const cachePrune = defineCommand({
  name: 'cache prune',
  summary:
    'Delete cached results that were not used for a week, and all that no name and no cached result needs',
  positionals: '',
  arity: [0, 0],
  options: {
    all: { kind: 'flag', short: 'a', describe: 'Delete all cached results' },
    filter: {
      kind: 'list',
      value: 'until=DURATION',
      describe: 'Delete the results that were not used for this time, such as until=24h',
    },
    'dry-run': { kind: 'flag', describe: 'Print what would be deleted' },
    force: { kind: 'flag', short: 'f', describe: 'Accepted for scripts: tsbuild never asks' },
  },
  async run({ options }, context) {
    const age = options.all ? 0 : ageOf(options.filter);
    const usedSince = options.all ? Infinity : Date.now() - age;
    const dryRun = options['dry-run'];
    let caches = { count: 0, bytes: 0 };
    const collected = await withStore(context, (store) =>
      collectGarbage(store, {
        mark: async (marks, images) => {
          caches = await pruneCacheMounts(join(store.root, cacheMountFolder), { usedSince, dryRun });
          await markKept(store, { marks, images, usedSince });
        },
        dryRun,
        signal: context.signal,
      }),
    );
    const { blobs, directories, records } = collected;
    const bytes = collected.bytes + caches.bytes;
    const verb = dryRun ? 'would delete' : 'deleted';
    context.stdout.write(
      `${verb} ${blobs.count} blobs, ${directories.count} unpacked layers, ${caches.count} caches of RUN --mount and ${records.count} records: ${formatBytes(bytes)}\n`,
    );
    return 0;
  },
});

function ageOf(filters: readonly string[]): number {
  let age = defaultAge;
  for (const filter of filters) {
    if (!filter.startsWith('until=')) {
      throw new TsbuildError('usage', `--filter does not know ${JSON.stringify(filter)}`, {
        hint: 'write --filter until=24h',
      });
    }
    age = parseDuration('--filter until', filter.slice('until='.length));
  }
  return age;
}
