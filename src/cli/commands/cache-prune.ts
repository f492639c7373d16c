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
    const collected = await withStore(context, (store) =>
      collectGarbage(store, {
        mark: (marks, images) =>
          markKept(store, { marks, images, usedSince: options.all ? Infinity : Date.now() - age }),
        dryRun: options['dry-run'],
        signal: context.signal,
      }),
    );
    const { blobs, directories, records, bytes } = collected;
    const verb = options['dry-run'] ? 'would delete' : 'deleted';
    context.stdout.write(
      `${verb} ${blobs.count} blobs, ${directories.count} unpacked layers and ${records.count} records: ${formatBytes(bytes)}\n`,
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
