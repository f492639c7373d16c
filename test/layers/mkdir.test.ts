import test from 'ava';
import { makeDirectory } from '../../src/layers/mkdir.js';
import type { Node } from '../../src/layers/types.js';
import { dir, file, makeTree, outline, symlink } from '../helpers/make-tree.js';

const options = { mode: 0o755, uid: 3, gid: 4, now: 100n };

const makes = test.macro({
  exec(t, base: Readonly<Record<string, Node>>, path: string, expected: readonly string[]) {
    t.deepEqual(outline(makeDirectory(makeTree(base), path, options)), expected);
  },
  title: (title = '') => title,
});

test('all levels that are missing belong to the user', makes, { a: dir() }, '/a/b/c', [
  'a/',
  'a/b/ 755 3:4 @100',
  'a/b/c/ 755 3:4 @100',
]);
test('a directory that exists is left as it is', makes, { 'a/b': dir({ mode: 0o700 }) }, '/a/b', []);
test('the root changes nothing', makes, {}, '/', []);
test('a link is followed inside the tree', makes, { w: symlink('/../canary') }, '/w/x', [
  'canary/ 755 3:4 @100',
  'canary/x/ 755 3:4 @100',
]);
test(
  'a link to /proc of the host leads to a directory of the tree',
  makes,
  { w: symlink('/proc/self/root') },
  '/w',
  ['proc/ 755 3:4 @100', 'proc/self/ 755 3:4 @100', 'proc/self/root/ 755 3:4 @100'],
);
test('.. stays inside', makes, {}, '/../../x', ['x/ 755 3:4 @100']);

test('a file in the way is refused', (t) => {
  const base = makeTree({ a: file('') });
  t.throws(() => makeDirectory(base, '/a/b', options), {
    code: 'copy',
    message: 'cannot make the directory "/a/b": "/a" is a file',
  });
});

test('a loop of links is refused', (t) => {
  t.throws(() => makeDirectory(makeTree({ a: symlink('a') }), '/a/b', options), { code: 'copy' });
});
