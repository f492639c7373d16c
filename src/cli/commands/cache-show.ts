import { readCacheEntries } from '../../cache/cache-entries.js';
import type { CachedResult } from '../../cache/cached-results.js';
import { looksSecret } from '../../cache/looks-secret.js';
import { findEntries } from '../cache-filters.js';
import { defineCommand } from '../define-command.js';
import { withStore } from '../open-store.js';
import { entryJson } from './cache-ls.js';

export const cacheShow = defineCommand({
  name: 'cache show',
  summary: 'Print a cached result as JSON: the keys that lead to it, what they were made of, its layers',
  positionals: 'KEY',
  arity: [1, 1],
  options: {},
  epilogue: 'KEY is a key or its first digits. Values that look secret are not shown.',
  async run({ positionals: [text = ''] }, context) {
    const entries = findEntries(await withStore(context, readCacheEntries), text);
    for (const entry of entries) {
      const shown = { ...entryJson(entry), keys: entry.results.map(resultJson) };
      context.stdout.write(`${JSON.stringify(shown, undefined, 2)}\n`);
    }
    return 0;
  },
});

function resultJson({ record, pinned }: CachedResult): object {
  const { key, by, snapshot, inputs, step } = record;
  const recipe = key.recipe.map(([label, value]) => {
    const name = label.replace(/^variable /, '');
    return [label, looksSecret(name, value) ? '(not shown)' : value];
  });
  return { key: key.digest, by, pinned, step, recipe, inputs, layers: snapshot.map(({ id }) => id) };
}
