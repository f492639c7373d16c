import { join } from 'node:path';
import {
  cacheMountFolder,
  cacheMountUsage,
  type CacheMountUsage,
} from '../../executor/cache-mounts-prune.js';
import { readCacheEntries, type CacheEntry } from '../../cache/cache-entries.js';
import { escapeControls } from '../../progress/escape.js';
import { formatBytes, formatSeconds } from '../../progress/units.js';
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
  options: {
    by: {
      kind: 'text',
      value: 'kind|stage|type',
      choices: ['kind', 'stage', 'type'],
      describe: 'What sums are for: kinds of data (default), or of the cached results stages or instructions',
    },
    format: formatOption,
  },
  touchesLayers: true,
  async run({ options }, context) {
    const by = options.by === 'stage' || options.by === 'type' ? options.by : undefined;
    if (by !== undefined) {
      const sums = await withStore(context, async (store) => sumsOf(await readCacheEntries(store), by));
      context.stdout.write(isJson(options.format) ? jsonLines(sums) : sumTable(sums, by));
      return 0;
    }
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

/** Cached results that share a stage or an instruction. */
interface Sum {
  readonly name: string;
  readonly count: number;
  /** Bytes of their own layers. */
  readonly bytes: number;
  /** What they took to make. */
  readonly seconds: number;
}

/** The largest first. */
function sumsOf(entries: readonly CacheEntry[], by: 'stage' | 'type'): readonly Sum[] {
  const sums = new Map<string, Sum>();
  for (const { [by]: name, size, duration } of entries) {
    const { count, bytes, seconds } = sums.get(name) ?? { count: 0, bytes: 0, seconds: 0 };
    sums.set(name, { name, count: count + 1, bytes: bytes + size, seconds: seconds + duration / 1000 });
  }
  return [...sums.values()].sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
}

function sumTable(sums: readonly Sum[], by: string): string {
  const cells = sums.map(({ name, count, bytes, seconds }) => [
    escapeControls(name),
    String(count),
    formatBytes(bytes),
    formatSeconds(seconds),
  ]);
  return textTable([by.toUpperCase(), 'COUNT', 'SIZE', 'TOOK'], cells);
}

function table(rows: readonly Row[], bytes: number): string {
  const cells = rows.map((row) => [
    row.kind,
    row.count === undefined ? '' : String(row.count),
    formatBytes(row.bytes),
  ]);
  return textTable(['KIND', 'COUNT', 'SIZE'], [...cells, ['total', '', formatBytes(bytes)]]);
}
