import test from 'ava';
import type { Finished, Output } from '../../src/progress/event.js';
import type { RendererOptions } from '../../src/progress/renderer.js';
import { bytes, rendered, type Moment } from '../helpers/recording-writer.js';

const make: Moment = { kind: 'declared', step: 'a', name: '[build 3/5] RUN make' };
const start: Moment = { kind: 'started', step: 'a' };
const out = (text: string, stream: Output['stream'] = 'stdout', step = 'a'): Moment => {
  return { kind: 'output', step, stream, chunk: bytes(text) };
};
const end = (outcome: Finished['outcome'] = 'done', error?: string): Moment => {
  return { kind: 'finished', step: 'a', outcome, error };
};

const shows = test.macro({
  exec: (t, moments: readonly Moment[], lines: readonly string[], options: Partial<RendererOptions> = {}) =>
    t.deepEqual(rendered('plain', moments, options).split('\n').slice(0, -1), lines),
  title: (title) => `plain: ${title ?? ''}`,
});

test(
  'a step that runs',
  shows,
  [make, start, 412, out('text\n'), 788, end()],
  ['#1 [build 3/5] RUN make', '#1 0.412 text', '#1 DONE 1.2s'],
);
test(
  'a step from the cache',
  shows,
  [make, { kind: 'cached', step: 'a' }, end()],
  ['#1 [build 3/5] RUN make', '#1 CACHED'],
);
test(
  'a step that fails',
  shows,
  [make, start, out('no rule'), end('failed', 'exit code 2\nx')],
  ['#1 [build 3/5] RUN make', '#1 0.000 no rule', '#1 ERROR: exit code 2\\nx'],
);
test(
  'a step that is cancelled',
  shows,
  [make, start, end('cancelled')],
  ['#1 [build 3/5] RUN make', '#1 CANCELED'],
);
test('a step that is cancelled before it did anything', shows, [make, end('cancelled')], []);
test('a step that is only declared', shows, [make], []);
test(
  'why a step missed the cache',
  shows,
  [make, { kind: 'missed', step: 'a', reason: 'file a.c differs' }],
  ['#1 [build 3/5] RUN make', '#1 cache miss: file a.c differs'],
);
test(
  'numbers are in the order of the first line, not of declaration',
  shows,
  [make, { kind: 'declared', step: 'b', name: 'second' }, { kind: 'started', step: 'b' }, start],
  ['#1 second', '#2 [build 3/5] RUN make'],
);
test(
  'streams do not run into each other',
  shows,
  [make, start, out('ab'), out('err\n', 'stderr'), out('c\n'), end()],
  ['#1 [build 3/5] RUN make', '#1 0.000 err', '#1 0.000 abc', '#1 DONE 0.0s'],
);
test(
  'what a step left unfinished is written when the build ends',
  shows,
  [make, start, out('half')],
  ['#1 [build 3/5] RUN make', '#1 0.000 half'],
);
test(
  'commands to CI systems never begin a line',
  shows,
  [
    make,
    start,
    out('::set-output name=x::y\r##vso[task.complete]\n##teamcity[x]'),
    end('failed', '\n::error::x'),
  ],
  [
    '#1 [build 3/5] RUN make',
    '#1 0.000 ::set-output name=x::y',
    '#1 0.000 ##vso[task.complete]',
    '#1 0.000 ##teamcity[x]',
    '#1 ERROR: \\n::error::x',
  ],
);
test(
  'names of others are escaped',
  shows,
  [{ kind: 'declared', step: 'a', name: 'COPY a\n::x\u001b[2J' }, start],
  ['#1 COPY a\\n::x\\x1b[2J'],
);
test(
  'a warning with its place and rule',
  shows,
  [
    {
      kind: 'warning',
      message: 'no CMD\n',
      rule: 'JSONArgsRecommended',
      range: { startLine: 3, startColumn: 0, endLine: 3, endColumn: 1 },
    },
  ],
  ['WARNING: no CMD\\n (line 3) [JSONArgsRecommended]'],
);
test(
  'a warning with its file, its hint and the page of its rule',
  shows,
  [
    {
      kind: 'warning',
      message: 'no CMD',
      hint: 'add one',
      source: 'Dockerfile',
      rule: 'R',
      page: 'docs/R.md',
      range: { startLine: 3, startColumn: 0, endLine: 3, endColumn: 1 },
    },
  ],
  ['WARNING: no CMD: add one (Dockerfile:3) [R: docs/R.md]'],
);
test(
  'a warning of a step',
  shows,
  [make, { kind: 'warning', step: 'a', message: 'slow' }],
  ['#1 [build 3/5] RUN make', '#1 WARNING: slow'],
);
test(
  'transfers: the end, and progress every five seconds',
  shows,
  [
    { kind: 'declared', step: 'a', name: 'pull' },
    start,
    { kind: 'transfer', step: 'a', item: `sha256:${'a'.repeat(64)}`, done: 0, total: 2_000_000 },
    4999,
    { kind: 'transfer', step: 'a', item: `sha256:${'a'.repeat(64)}`, done: 500_000, total: 2_000_000 },
    1,
    { kind: 'transfer', step: 'a', item: `sha256:${'a'.repeat(64)}`, done: 1_000_000, total: 2_000_000 },
    { kind: 'transfer', step: 'a', item: `sha256:${'a'.repeat(64)}`, done: 2_000_000, total: 2_000_000 },
    { kind: 'transfer', step: 'a', item: 'x\n', done: 0, note: 'mounted' },
  ],
  [
    '#1 pull',
    '#1 sha256:aaaaaaaaaaaa 1.0 MB / 2.0 MB',
    '#1 sha256:aaaaaaaaaaaa 2.0 MB done',
    '#1 x\\n mounted',
  ],
);
test(
  'colours of a step stay when colour is wanted',
  shows,
  [make, start, out('\u001b[31mred\n')],
  ['#1 \u001b[1m[build 3/5] RUN make\u001b[0m', '#1 0.000 \u001b[31mred\u001b[0m'],
  { color: true },
);

test('ten thousand unfinished lines of a step come out once each', (t) => {
  const lines = Array.from({ length: 10_000 }, (_, index) => out(`${index}\n`));
  const text = rendered('plain', [make, start, ...lines]);
  t.is(text.split('\n').length, 10_002);
  t.true(text.endsWith('#1 0.000 9999\n'));
});
