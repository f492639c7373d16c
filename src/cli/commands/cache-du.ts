import { join } from 'node:path';
import {
  cacheMountFolder,
  cacheMountUsage,
  type CacheMountUsage,
} from '../../executor/cache-mounts-prune.js';
import { formatBytes } from '../../progress/units.js';
import { diskUsage, type DiskUsage } from '../../store/disk-usage.js';
import { defineCommand } from '../define-command.js';
import { formatOption, isJson } from '../format-option.js';
import { withStore } from '../open-store.js';
import { jsonLines, textTable } from '../text-table.js';

export const cacheDu = defineCommand({
  name: 'cache du',
  summary: 'Print what the store takes on disk',
  positionals: '',
  arity: [0, 0],
  options: { format: formatOption },
  touchesLayers: true,
  async run({ options }, context) {
    const { usage, caches } = await withStore(context, async (store) => ({
      usage: await diskUsage(store),
      caches: await cacheMountUsage(join(store.root, cacheMountFolder)),
    }));
    const rows = rowsOf(usage, caches);
    context.stdout.write(isJson(options.format) ? jsonLines(rows) : table(rows, usage.bytes + caches.bytes));
    return 0;
  },
});

interface Row {
  readonly kind: string;
  readonly count: number | undefined;
  readonly bytes: number;
}

function rowsOf(usage: DiskUsage, caches: CacheMountUsage): Row[] {
  const records = [...usage.records.values()];
  const sum = (key: 'count' | 'bytes') => records.reduce((total, tally) => total + tally[key], 0);
  return [
    { kind: 'images', ...usage.images },
    { kind: 'other blobs', ...usage.layers },
    { kind: 'unpacked layers', ...usage.directories },
    { kind: 'cache records', count: sum('count'), bytes: sum('bytes') },
    { kind: 'caches of RUN --mount', ...caches },
    { kind: 'temporary files', count: undefined, bytes: usage.temporary.bytes },
  ];
}

function table(rows: readonly Row[], bytes: number): string {
  const cells = rows.map((row) => [
    row.kind,
    row.count === undefined ? '' : String(row.count),
    formatBytes(row.bytes),
  ]);
  return textTable(['KIND', 'COUNT', 'SIZE'], [...cells, ['total', '', formatBytes(bytes)]]);
}
