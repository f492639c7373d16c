import test from 'ava';
import { ignoredSource, whyIgnored } from '../../src/graph/ignored-source.js';

const excluded = new Map([
  ['build', { pattern: 'build/', line: 2 }],
  ['logs/a.txt', { pattern: '**/a.*', line: 3 }],
  ['logs/b.txt', { pattern: 'logs/b*', line: 4 }],
  ['[x]', { pattern: '\\[x]', line: 5 }],
]);

const says = test.macro({
  exec(t, word: string, expected: string | undefined) {
    const found = ignoredSource(word, { excluded });
    t.is(found && whyIgnored(found), expected);
  },
  title: (title, word) => `${title ?? ''}: ${word}`,
});

const build = 'line 2 of .dockerignore, "build/", keeps "build" out';
test('a path', says, 'build', build);
test('a path with slashes around it', says, '/build/', build);
test('a path with dots', says, './x/../build', build);
test('a path below', says, 'build/sub/app', build);
test('a wildcard below', says, 'build/*.js', build);
test('a wildcard on the way', says, 'b?ild/app', build);
test(
  'a wildcard names the first',
  says,
  'logs/*.txt',
  'line 3 of .dockerignore, "**/a.*", keeps "logs/a.txt" out',
);
test('a wildcard does not pass a slash', says, '*.txt', undefined);
test('a path beside', says, 'builder', undefined);
test('a folder above', says, 'logs', undefined);
test(
  'a path that looks like a pattern',
  says,
  '[[]x]',
  'line 5 of .dockerignore, "\\\\[x]", keeps "[x]" out',
);

test('another file and no line', (t) => {
  const found = ignoredSource('a', { excluded: new Map([['a', { pattern: 'a' }]]), ignoreFile: 'i' });
  t.is(found && whyIgnored(found), 'i, "a", keeps "a" out');
});
