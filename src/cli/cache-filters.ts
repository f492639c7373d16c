import type { CacheEntry } from '../cache/cache-entries.js';
import { TsbuildError } from '../util/errors.js';
import type { OptionSpec } from './option-table.js';
import { parseDuration } from './registry-request.js';
import { parseSize } from './step-options.js';

export const filterOption = {
  kind: 'list',
  value: 'FIELD=VALUE',
  describe:
    'Only results with stage=NAME, type=RUN, text=PART of the instruction, pinned=true, size=SIZE or more, until=DURATION without use',
} as const satisfies OptionSpec;

/** What `--filter` chooses: all fields must fit, of one field that is given twice any. */
export interface CacheFilters {
  readonly matches: (entry: CacheEntry) => boolean;
  /** Milliseconds of `until`. */
  readonly until: number | undefined;
}

type Test = (entry: CacheEntry) => boolean;

/** Throws `usage`. */
export function parseCacheFilters(texts: readonly string[]): CacheFilters {
  const tests = new Map<string, Test[]>();
  let until: number | undefined;
  for (const text of texts) {
    const [field = '', ...rest] = text.split('=');
    const value = rest.join('=');
    if (field === 'until') {
      until = parseDuration('--filter until', value);
      continue;
    }
    tests.set(field, [...(tests.get(field) ?? []), testOf(field, value)]);
  }
  const all = [...tests.values()];
  return { matches: (entry) => all.every((any) => any.some((matches) => matches(entry))), until };
}

function testOf(field: string, value: string): Test {
  switch (field) {
    case 'stage':
      return ({ stage }) => stage === value;
    case 'type':
      return ({ type }) => type === value.toUpperCase();
    case 'text':
      return ({ instruction }) => instruction.includes(value);
    case 'pinned':
      return ({ pinned }) => String(pinned) === value;
    case 'size': {
      const least = parseSize('--filter size', value);
      return ({ size }) => size >= least;
    }
    default:
      throw new TsbuildError('usage', `--filter does not know ${JSON.stringify(field)}`, {
        hint: 'write --filter until=24h, stage=build, type=RUN, text=npm, size=100m or pinned=true',
      });
  }
}

/** Entries whose key begins with the digits. Throws `usage` when there is none, or several for fewer than 4 digits. */
export function findEntries(entries: readonly CacheEntry[], text: string): readonly CacheEntry[] {
  const digits = text.replace(/^sha256:/, '');
  const found = /^[0-9a-f]{4,64}$/.test(digits)
    ? entries.filter(({ results }) => results.some(({ hex }) => hex.startsWith(digits)))
    : [];
  if (found.length > 0) return found;
  throw new TsbuildError('usage', `no cached result has the key ${JSON.stringify(text)}`, {
    hint: 'tsbuild cache ls prints the keys; give at least four digits',
  });
}
