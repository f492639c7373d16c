import test from 'ava';
import {
  baseName,
  cleanPath,
  namesOf,
  parentOf,
  plainPath,
  quoted,
  quotedPath,
} from '../../src/layers/path.js';

const cleans = test.macro({
  exec: (t, path: string, expected: string) => t.is(cleanPath(path), expected),
  title: (_title, path) => `cleanPath(${JSON.stringify(path)})`,
});

test(cleans, '', '');
test(cleans, '/', '');
test(cleans, '.', '');
test(cleans, '/a//b/', 'a/b');
test(cleans, 'a/./b/.', 'a/b');
test(cleans, 'a/../b', 'b');
test(cleans, '../../a', 'a');
test(cleans, '/a/../../..', '');
test(cleans, '...', '...');
test(cleans, 'a/..b', 'a/..b');

for (const path of [
  '',
  '.',
  '/',
  './',
  'a',
  '/a',
  'a/',
  './a',
  'a/.',
  'a//b',
  'a/./b',
  '.a',
  'a.',
  'a/.b',
  'a./b',
  '..',
  'a/..',
  '../a',
  '...',
]) {
  test(`plainPath(${JSON.stringify(path)})`, (t) => t.is(plainPath(path), namesOf(path).join('/')));
}

test('.. is a name of a path that is not cleaned', (t) => t.deepEqual(namesOf('/a/../b'), ['a', '..', 'b']));
test('the parent and the last name', (t) => {
  t.deepEqual([parentOf('a/b/c'), baseName('a/b/c')], ['a/b', 'c']);
  t.deepEqual([parentOf('a'), baseName('a')], ['', 'a']);
});

test('names for messages: UTF-8 is shown, what disturbs a terminal is escaped', (t) => {
  t.is(quoted('caf\xc3\xa9'), '"café"');
  t.is(quoted('\xff'), '"\ufffd"');
  t.is(quoted('a"\n\x1b[31m\x7f'), '"a\\"\\n\\u001b[31m\\u007f"');
  t.is(quoted('\xe2\x80\xae'), '"\\u202e"');
  t.is(quotedPath('a/b'), '"/a/b"');
  t.is(quoted('x'.repeat(501)), `"${'x'.repeat(500)}…"`);
});
