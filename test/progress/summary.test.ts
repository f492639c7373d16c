import test from 'ava';
import { digestOf } from '../../src/oci/digest.js';
import type { Built } from '../../src/progress/event.js';
import { formatSummary } from '../../src/progress/summary.js';

const image = digestOf('');
const built: Built = {
  kind: 'built',
  names: ['docker.io/library/app:latest'],
  image,
  layers: 5,
  size: 81_249_000,
  hits: 1,
  misses: 2,
  seconds: 12.34,
};

test('a summary says what was built and what comes next', (t) => {
  t.is(
    formatSummary(built, { color: false, pushed: false }),
    [
      'Built app:latest in 12.3s',
      `  image   ${image}`,
      '  layers  5 (81.2 MB uncompressed)',
      '  cache   1 hit, 2 misses',
      '  next    tsbuild push app:latest',
      '',
    ].join('\n'),
  );
});

test('after a push nothing comes next', (t) => {
  t.notRegex(formatSummary(built, { color: false, pushed: true }), /next/);
});

test('an image without a name can be given one', (t) => {
  const text = formatSummary({ ...built, names: [] }, { color: false, pushed: false });
  t.regex(text, /^Built image without a name in/);
  t.regex(text, /next {4}name it with -t NAME/);
});
