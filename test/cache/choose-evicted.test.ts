import test from 'ava';
import type { CacheEntry } from '../../src/cache/cache-entries.js';
import { chooseEvicted, type EvictionPolicy } from '../../src/cache/choose-evicted.js';
import { digestOf } from '../../src/oci/digest.js';

/** An entry of 10 bytes, used at `used`. */
function entry(stage: string, used: number, more: Partial<CacheEntry> = {}): CacheEntry {
  return {
    key: digestOf(stage),
    results: [],
    stage,
    instruction: 'RUN make',
    type: 'RUN',
    created: 0,
    used,
    duration: 0,
    depth: 0,
    pinned: false,
    size: 10,
    shared: false,
    ...more,
  };
}

const [a, b, c] = [entry('a', 1), entry('b', 2), entry('c', 3)];

interface Case {
  readonly entries?: readonly CacheEntry[];
  readonly policy: EvictionPolicy;
  readonly gone: string;
}

const evicts = test.macro((t, { entries = [c, a, b], policy, gone }: Case) => {
  t.is([...chooseEvicted(entries, policy)].map(({ stage }) => stage).join(' '), gone);
});

test('without a policy nothing goes', evicts, { policy: {}, gone: '' });
test('what was not used since then goes', evicts, { policy: { usedSince: 3 }, gone: 'a b' });
test('everything goes', evicts, { policy: { usedSince: Infinity }, gone: 'a b c' });
test('a filter limits what is too old', evicts, {
  policy: { usedSince: Infinity, matches: ({ stage }) => stage !== 'b' },
  gone: 'a c',
});
test('the one used longest ago goes until the cache is small enough', evicts, {
  policy: { maxUsed: 20 },
  gone: 'a',
});
test('a cache that is exactly as large as it may be stays', evicts, { policy: { maxUsed: 30 }, gone: '' });
test('the one used longest ago goes until the disk has space', evicts, {
  policy: { minFree: { wanted: 100, free: 85 } },
  gone: 'a b',
});
test('a disk with space keeps all', evicts, { policy: { minFree: { wanted: 100, free: 100 } }, gone: '' });
test('what is reserved stays whatever the disk lacks', evicts, {
  policy: { minFree: { wanted: 1000, free: 0 }, reserved: 15 },
  gone: 'a b',
});
test('what is reserved stays when the cache may be smaller', evicts, {
  policy: { maxUsed: 0, reserved: 30 },
  gone: '',
});
test('age deletes what is reserved', evicts, { policy: { usedSince: 2, reserved: 1000 }, gone: 'a' });
test('pinned entries never go', evicts, {
  entries: [entry('a', 1, { pinned: true }), b],
  policy: { usedSince: Infinity, maxUsed: 0 },
  gone: 'b',
});
test('of equal age what lies on a layer goes before it', evicts, {
  entries: [entry('below', 5, { depth: 0 }), entry('top', 5, { depth: 2 }), entry('middle', 5, { depth: 1 })],
  policy: { maxUsed: 10 },
  gone: 'top middle',
});
test('a filter and a size: only what fits goes, the whole cache counts', evicts, {
  policy: { maxUsed: 15, matches: ({ stage }) => stage === 'c' },
  gone: 'c',
});
