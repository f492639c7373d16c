import test from 'ava';
import { formatError } from '../../src/progress/report-error.js';
import { TsbuildError, type ErrorDetails } from '../../src/util/errors.js';

const source = {
  name: 'Dockerfile',
  text: [
    'FROM a',
    'RUN one',
    'RUN two',
    'RUN three',
    'RUN four',
    'COPY x \\',
    '  /y',
    'CMD x',
    '',
    'END',
    'LAST',
    'NEVER',
  ].join('\n'),
};
const range = (startLine: number, endLine: number, endColumn = 1) => ({
  startLine,
  startColumn: 0,
  endLine,
  endColumn,
});
const report = (error: unknown): string => formatError(error, { color: false, about: 'tsbuild 1' });
const user = (message: string, details: ErrorDetails = {}): string =>
  report(new TsbuildError('copy', message, details));

test('the place, four lines around it, the message and the hint', (t) => {
  t.is(
    user('no such file "x"', { source, range: range(6, 7), hint: 'check .dockerignore' }),
    `Dockerfile:6
 2 |     RUN one
 3 |     RUN two
 4 |     RUN three
 5 |     RUN four
 6 | >>> COPY x \\
 7 | >>>   /y
 8 |     CMD x
 9 |
10 |     END
11 |     LAST

error: no such file "x"
hint: check .dockerignore
`,
  );
});

test('the first and the last line', (t) => {
  t.regex(user('x', { source, range: range(1, 1) }), /^Dockerfile:1\n1 \| >>> FROM a\n2 \|/);
  t.regex(user('x', { source, range: range(12, 12) }), /12 \| >>> NEVER\n\nerror: x\n$/);
});

test('a range that ends before the first column of a line does not mark that line', (t) => {
  t.regex(user('x', { source, range: range(2, 3, 0) }), /2 \| >>> RUN one\n3 \| {5}RUN two/);
});

test('a long range is shortened', (t) => {
  const long = { name: 'D', text: Array.from({ length: 100 }, (_, index) => `line ${index + 1}`).join('\n') };
  const text = user('x', { source: long, range: range(2, 90) });
  t.regex(text, />>> line 13\n {3}\| {5}… 77 more lines\n\n/);
  t.false(text.includes('line 14'));
});

test('a place outside of the source does no harm', (t) => {
  t.regex(user('x', { source, range: range(50, 60) }), /^Dockerfile:50\n/);
});

test('text of the source and its name are escaped, and long lines cut', (t) => {
  const evil = { name: 'D\u001b[2J', text: `RUN \u001b]52;c;x\u0007${'y'.repeat(1000)}` };
  const text = user('x', { source: evil, range: range(1, 1) });
  t.regex(text, /^D\\x1b\[2J:1\n1 \| >>> RUN \\x1b\]52;c;x\\x07y+…\n/);
  t.true(text.length < 400);
});

test('causes that add something are told, once each', (t) => {
  const inner = new Error('connection refused');
  const middle = new Error('cannot reach the registry', { cause: inner });
  t.is(
    user('cannot pull "a"', { cause: middle }),
    'error: cannot pull "a"\n  cause: cannot reach the registry\n  cause: connection refused\n',
  );
  t.is(user('cannot pull: connection refused', { cause: inner }), 'error: cannot pull: connection refused\n');
});

test('a chain of causes that bites its tail ends', (t) => {
  const first = new Error('first');
  first.cause = new Error('second', { cause: first });
  t.is(user('top', { cause: first }), 'error: top\n  cause: first\n  cause: second\n');
});

test('of several errors at once the first is told', (t) => {
  const cause = new AggregateError([new Error('ECONNREFUSED ::1'), new Error('ECONNREFUSED 127.0.0.1')]);
  t.is(user('top', { cause }), 'error: top\n  cause: ECONNREFUSED ::1\n');
});

test('foreign text cannot command the terminal', (t) => {
  t.is(user('bad \u001b[2J name\u202e'), 'error: bad \\x1b[2J name\\u202e\n');
});

test('a message of several lines is indented', (t) => {
  t.is(user('a\nb'), 'error: a\n    b\n');
});

test('anything else is a bug, with its stack', (t) => {
  const text = report(new TypeError('x is undefined'));
  t.regex(text, /^error: this is a bug of tsbuild/);
  t.regex(text, /\n {2}TypeError: x is undefined\n {2} {4}at /);
  t.true(text.endsWith('\n  tsbuild 1\n'));
});

const thrown = test.macro({
  exec: (t, value: unknown, wanted: RegExp) => t.regex(report(value), wanted),
  title: (title) => `a thrown value: ${title ?? ''}`,
});
test('string', thrown, 'oh', /thrown: oh\n/);
test('undefined', thrown, undefined, /thrown: undefined\n/);
test('object', thrown, { a: 1n }, /thrown: \{ a: 1n \}\n/);

test('a full disk is no bug', (t) => {
  const error = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  t.is(
    report(error),
    'error: ENOSPC: no space left on device, write\nhint: free some space, or remove unused data with: tsbuild cache prune\n',
  );
});

test('colours mark the kinds of lines', (t) => {
  const text = formatError(new TsbuildError('copy', 'x', { hint: 'y' }), { color: true });
  t.is(text, '\u001b[31merror:\u001b[0m x\n\u001b[36mhint:\u001b[0m y\n');
});

test('all problems of a source are reported, each with its place', (t) => {
  const source = { name: 'Dockerfile', text: 'A\nB\n' };
  const at = (line: number) => ({ startLine: line, startColumn: 0, endLine: line, endColumn: 1 });
  const others = [new TsbuildError('dockerfile', 'second', { range: at(2), source })];
  const report = formatError(new TsbuildError('dockerfile', 'first', { range: at(1), source, others }), {
    color: false,
  });
  t.regex(report, /Dockerfile:1\n[^]*error: first\n[^]*Dockerfile:2\n[^]*error: second\n$/);
});
