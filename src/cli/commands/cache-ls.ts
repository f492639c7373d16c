import { readCacheEntries, type CacheEntry } from '../../cache/cache-entries.js';
import { escapeControls } from '../../progress/escape.js';
import { formatBytes, formatSeconds } from '../../progress/units.js';
import { filterOption, parseCacheFilters } from '../cache-filters.js';
import { defineCommand } from '../define-command.js';
import { shortDigest } from '../find-image.js';
import { formatOption, isJson } from '../format-option.js';
import { withStore } from '../open-store.js';
import { jsonLines, textTable } from '../text-table.js';
import { timeAgo } from '../time-ago.js';

export const cacheLs = defineCommand({
  name: 'cache ls',
  summary: 'Print the cached results of steps, those used last first',
  positionals: '',
  arity: [0, 0],
  options: { filter: filterOption, format: formatOption },
  async run({ options }, context) {
    const { matches, until } = parseCacheFilters(options.filter);
    const now = Date.now();
    const entries = (await withStore(context, readCacheEntries)).filter(
      (entry) => matches(entry) && (until === undefined || entry.used < now - until),
    );
    context.stdout.write(isJson(options.format) ? jsonLines(entries.map(entryJson)) : table(entries, now));
    return 0;
  },
});

/** An entry as JSON, without its records. Times are RFC 3339, sizes bytes. */
export function entryJson(entry: CacheEntry): object {
  const { key, stage, instruction, type, created, used, duration, pinned, size, shared } = entry;
  return {
    key,
    stage,
    instruction,
    type,
    pinned,
    size,
    ...(shared ? { shared } : {}),
    created: new Date(created).toISOString(),
    used: new Date(used).toISOString(),
    seconds: duration / 1000,
  };
}

function table(entries: readonly CacheEntry[], now: number): string {
  const rows = entries.map((entry) => [
    shortDigest(entry.key),
    entry.stage,
    entry.shared ? 'shared' : formatBytes(entry.size),
    timeAgo(entry.created, now),
    timeAgo(entry.used, now),
    formatSeconds(entry.duration / 1000),
    entry.pinned ? 'pinned' : '',
    escapeControls(entry.instruction.replaceAll(/\s+/g, ' ').slice(0, 60)),
  ]);
  return textTable(['KEY', 'STAGE', 'SIZE', 'CREATED', 'USED', 'TOOK', 'PIN', 'INSTRUCTION'], rows);
}
