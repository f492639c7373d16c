import test from 'ava';
import { diff } from '../../src/layers/diff.js';
import type { Node } from '../../src/layers/types.js';
import { dir, file, makeTree, outline, symlink } from '../helpers/make-tree.js';

type Nodes = Readonly<Record<string, Node>>;

const gives = test.macro({
  exec(t, before: Nodes, after: Nodes, expected: readonly string[]) {
    t.deepEqual(outline(diff(makeTree(before), makeTree(after))), expected);
  },
  title: (title = '') => title,
});

const linked = (text: string, group: object): Node => file(text, {}, group);

test('a new file, below parents without metadata', gives, { 'd/e': dir() }, { 'd/e/f': file('1') }, [
  'd/',
  'd/e/',
  'd/e/f 644 0:0 @1 1',
]);
test('what is gone is whited out once', gives, { 'd/e/f': file('1'), x: file('') }, { x: file('') }, ['-d']);
test('a new directory brings all below', gives, {}, { 'd/e': file('1') }, [
  'd/ 755 0:0 @1',
  'd/e 644 0:0 @1 1',
]);
test(
  'a directory in the place of a link needs no whiteout',
  gives,
  { d: symlink('x') },
  { 'd/e': file('1') },
  ['d/ 755 0:0 @1', 'd/e 644 0:0 @1 1'],
);
test('a file in the place of a directory needs no whiteout', gives, { 'd/e': file('1') }, { d: file('1') }, [
  'd 644 0:0 @1 1',
]);
test('a directory that was emptied and refilled', gives, { 'd/a': file('1') }, { 'd/b': file('1') }, [
  'd/',
  '-d/a',
  'd/b 644 0:0 @1 1',
]);
test('the time of a directory is a change', gives, { d: dir() }, { d: dir({ mtime: 2n }) }, [
  'd/ 755 0:0 @2',
]);
test(
  'an xattr is a change',
  gives,
  { a: file('') },
  { a: file('', { xattrs: new Map([['user.a', Uint8Array.of(1)]]) }) },
  ['a 644 0:0 @1 [user.a] '],
);
test(
  'equal trees that share nothing',
  gives,
  { 'd/a': linked('1', test), 'd/b': linked('1', test) },
  { 'd/a': linked('1', gives), 'd/b': linked('1', gives) },
  [],
);

test(
  'a group of which one name is new is carried whole',
  gives,
  { 'd/a': file('1') },
  { 'd/a': linked('1', test), b: linked('1', test) },
  ['b 644 0:0 @1 1', 'd/', 'd/a 644 0:0 @1 1'],
);
test(
  'a group of which one name is gone',
  gives,
  { a: linked('1', test), b: linked('1', test), c: linked('1', test) },
  { a: linked('1', test), c: linked('1', test) },
  ['-b'],
);
test(
  'a group that is split: the first part stays, the others are carried',
  gives,
  { a: linked('1', test), b: linked('1', test), c: linked('1', test) },
  { a: linked('1', test), b: file('1'), c: linked('1', test) },
  ['b 644 0:0 @1 1'],
);
test(
  'a group of which two names were replaced: the third is not carried',
  gives,
  { a: linked('1', test), b: linked('1', test), c: linked('1', test) },
  { a: linked('2', gives), b: linked('2', gives), c: file('1') },
  ['a 644 0:0 @1 2', 'b 644 0:0 @1 2'],
);
test(
  'two groups that become one',
  gives,
  { a: linked('1', test), b: linked('1', test), c: linked('1', gives), d: linked('1', gives) },
  { a: linked('1', test), b: linked('1', test), c: linked('1', test), d: linked('1', test) },
  ['a', 'b', 'c', 'd'].map((name) => `${name} 644 0:0 @1 1`),
);
