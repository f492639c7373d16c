import test from 'ava';
import { clampTimes, implicitParents, walkChangeset } from '../../src/layers/changeset.js';
import { treeStats } from '../../src/layers/tree.js';
import { walkTree } from '../../src/layers/walk-tree.js';
import { change, hardlink, whiteout } from '../helpers/make-changeset.js';
import { dir, file, makeTree, outline, symlink } from '../helpers/make-tree.js';

test('a directory comes before its entries, names are ordered by byte', (t) => {
  const tree = makeTree({
    'a.b': file(''),
    'a/z': file(''),
    'a/\xe9': file(''),
    B: file(''),
    'a/y/x': file(''),
    'a-': file(''),
  });
  t.deepEqual(
    Array.from(walkTree(tree), ([path]) => path),
    ['B', 'a', 'a/y', 'a/y/x', 'a/z', 'a/\xe9', 'a-', 'a.b'],
  );
});

test('a directory that is not entered is still visited', (t) => {
  const tree = makeTree({ 'a/b': file(''), c: file('') });
  t.deepEqual(
    Array.from(
      walkTree(tree, () => false),
      ([path]) => path,
    ),
    ['a', 'c'],
  );
});

test('the root of a changeset is not visited', (t) => {
  t.deepEqual(
    Array.from(walkChangeset(change({ a: change({ b: whiteout }) })), ([path]) => path),
    ['a', 'a/b'],
  );
});

test('parents without metadata, outer ones first', (t) => {
  const changeset = change({
    a: change({ b: change({ c: change({}, { meta: dir().meta }) }) }),
    d: file(''),
  });
  t.deepEqual(implicitParents(changeset), ['a', 'a/b']);
});

test('no time is later than the given one', (t) => {
  const late = { mtime: 9n };
  const changeset = change({
    d: change({ f: file('1', late), g: file('2', { mtime: 3n }) }, { meta: dir(late).meta }),
    e: change({ s: symlink('x', late), h: hardlink('d/f'), w: whiteout }),
  });
  const clamped = clampTimes(changeset, 5n);
  t.deepEqual(outline(clamped), [
    'd/ 755 0:0 @5',
    'd/f 644 0:0 @5 1',
    'd/g 644 0:0 @3 2',
    'e/',
    'e/h => d/f',
    'e/s -> x 777 0:0 @5',
    '-e/w',
  ]);
  t.is(clampTimes(clamped, 5n), clamped);
});

test('what a tree holds', (t) => {
  t.deepEqual(treeStats(makeTree({ 'a/b': file('12'), 'a/c': file('3'), l: symlink('a') })), {
    entries: 4,
    files: 2,
    bytes: 3,
  });
});
