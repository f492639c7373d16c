import test from 'ava';
import fc from 'fast-check';
import { makeKey } from '../../src/cache/key.js';
import type { Recipe } from '../../src/cache/types.js';

const digest = (recipe: Recipe) => makeKey(recipe).digest;

for (const [title, a, b] of [
  [
    'a boundary between parts',
    [
      ['x', 'ab'],
      ['y', 'c'],
    ],
    [
      ['x', 'a'],
      ['y', 'bc'],
    ],
  ],
  ['a boundary between label and value', [['xa', 'b']], [['x', 'ab']]],
  [
    'one part or two',
    [['x', '']],
    [
      ['x', ''],
      ['', ''],
    ],
  ],
  [
    'order',
    [
      ['x', '1'],
      ['y', '2'],
    ],
    [
      ['y', '2'],
      ['x', '1'],
    ],
  ],
  [
    'a line end in a value',
    [['x', 'a\nb']],
    [
      ['x', 'a'],
      ['b', ''],
    ],
  ],
  [
    'a NUL in a value',
    [['x', 'a\0b']],
    [
      ['x', 'a'],
      ['\0b', ''],
    ],
  ],
  ['forms of one letter', [['x', '\u00e9']], [['x', 'e\u0301']]],
  ['nothing or an empty part', [], [['', '']]],
] as const) {
  test(`${title} counts`, (t) => t.not(digest(a), digest(b)));
}

const recipes = fc.array(fc.tuple(fc.string({ maxLength: 4 }), fc.string({ maxLength: 4 })), {
  maxLength: 4,
});

test('recipes have equal keys only when they are equal', (t) => {
  const seen = new Map<string, string>();
  fc.assert(
    fc.property(recipes, (recipe) => {
      const text = JSON.stringify(recipe);
      const key = digest(recipe);
      const known = seen.get(key);
      seen.set(key, text);
      return known === undefined || known === text;
    }),
    { numRuns: 2000 },
  );
  t.true(seen.size > 1000);
});

test('a million pairs of close recipes have different keys', (t) => {
  // Every way to cut one text into parts is another recipe: n recipes are n·(n-1)/2 pairs.
  const letters = 'aaaaaaaaaaaa';
  const keys = new Set<string>();
  let count = 0;
  for (let cuts = 0; cuts < 2 ** (letters.length - 1); cuts++) {
    const parts: [string, string][] = [];
    let start = 0;
    for (let at = 1; at <= letters.length; at++) {
      if (at < letters.length && (cuts & (1 << (at - 1))) === 0) continue;
      parts.push([
        letters.slice(start, Math.ceil((start + at) / 2)),
        letters.slice(Math.ceil((start + at) / 2), at),
      ]);
      start = at;
    }
    keys.add(digest(parts));
    count += 1;
  }
  t.is(keys.size, count);
  t.true((count * (count - 1)) / 2 > 1_000_000);
});
