import { readCacheEntries } from '../../cache/cache-entries.js';
import { pin, unpin } from '../../cache/pins.js';
import type { Digest } from '../../oci/digest.js';
import type { Store } from '../../store/store.js';
import { findEntries } from '../cache-filters.js';
import type { Command } from '../command.js';
import { defineCommand } from '../define-command.js';
import { withStore } from '../open-store.js';

export const cachePin = pinning(
  'cache pin',
  'Keep cached results, and what they are made on, from being deleted',
  pin,
);
export const cacheUnpin = pinning('cache unpin', 'Let cached results be deleted again', unpin);

function pinning(
  name: string,
  summary: string,
  change: (store: Store, keys: readonly Digest[]) => Promise<void>,
): Command {
  return defineCommand({
    name,
    summary,
    positionals: 'KEY...',
    arity: [1, Infinity],
    options: {},
    epilogue: 'KEY is a key as cache ls prints it, or its first digits.',
    async run({ positionals }, context) {
      await withStore(context, async (store) => {
        const entries = await readCacheEntries(store);
        for (const text of positionals) {
          const results = findEntries(entries, text).flatMap((entry) => entry.results);
          await change(
            store,
            results.map(({ record }) => record.key.digest),
          );
        }
      });
      return 0;
    },
  });
}
