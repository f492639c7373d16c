import test from 'ava';
import fc from 'fast-check';
import { createdBy } from '../../src/cli/created-by.js';
import { didYouMean, editDistance } from '../../src/cli/did-you-mean.js';
import { parseDuration } from '../../src/cli/registry-request.js';
import { textTable } from '../../src/cli/text-table.js';
import { timeAgo } from '../../src/cli/time-ago.js';

const is = test.macro({
  exec: (t, given: unknown, wanted: unknown) => t.deepEqual(given, wanted),
  title: (title) => title ?? '',
});

test(
  'table: columns are as wide as their widest cell',
  is,
  textTable(
    ['A', 'LONG'],
    [
      ['xyz', '1'],
      ['', '2'],
    ],
  ),
  'A    LONG\nxyz  1\n     2\n',
);
test('meant: a letter too many', is, didYouMean('--tagg', ['--file', '--tag']), '--tag');
test('meant: neighbours swapped', is, didYouMean('imagse', ['build', 'images']), 'images');
test('meant: nothing near', is, didYouMean('xyz', ['build', 'images']), undefined);
test('meant: a short word is not replaced by another', is, didYouMean('ab', ['xy', 'cd']), undefined);
test('distance: kitten and sitting', is, editDistance('kitten', 'sitting'), 3);

test('law: distance is symmetric, and zero only between equal words', (t) => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 });
  fc.assert(
    fc.property(
      word,
      word,
      (a, b) => editDistance(a, b) === editDistance(b, a) && (editDistance(a, b) === 0) === (a === b),
    ),
  );
  t.pass();
});

const now = Date.parse('2024-06-15T12:00:00Z');
test('ago: now', is, timeAgo('2024-06-15T12:00:00Z', now), 'just now');
test('ago: one', is, timeAgo('2024-06-15T11:59:59Z', now), '1 second ago');
test('ago: hours', is, timeAgo('2024-06-15T09:30:00Z', now), '2 hours ago');
test('ago: years', is, timeAgo('1970-01-01T00:00:00Z', now), '54 years ago');
test('ago: a clock that is behind', is, timeAgo('2024-06-16T12:00:00Z', now), 'in the future');
test('ago: no time', is, timeAgo(undefined, now), 'unknown');
test('ago: nonsense', is, timeAgo('yesterday', now), 'unknown');

test('duration: seconds', is, parseDuration('x', '90'), 90_000);
test('duration: parts', is, parseDuration('x', '1h30m'), 5_400_000);
test('duration: fractions', is, parseDuration('x', '0.5s'), 500);

test('created by: one line', is, createdBy({ created_by: 'RUN a \\\n  b' }, true), 'RUN a \\ b');
test('created by: escaped', is, createdBy({ created_by: 'RUN \u001b[2J' }, true), 'RUN \\x1b[2J');
test(
  'created by: classic no-op prefix',
  is,
  createdBy({ created_by: '/bin/sh -c #(nop)  CMD ["x"]' }, true),
  'CMD ["x"]',
);
test('created by: cut', is, createdBy({ created_by: 'x'.repeat(61) }, false), `${'x'.repeat(59)}…`);
test('created by: unknown', is, createdBy({}, false), '');
