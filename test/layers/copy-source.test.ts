import test from 'ava';
import { apply } from '../../src/layers/apply.js';
import { linkGroups } from '../../src/layers/link-groups.js';
import { copyTree, one, runCopy, tree, type Copying } from '../helpers/copying.js';
import { fifo, file, makeTree, outline, symlink } from '../helpers/make-tree.js';

const gives = test.macro({
  exec: (t, input: Copying, expected: readonly string[]) => t.deepEqual(outline(runCopy(input)), expected),
  title: (title = '') => title,
});

test(
  'a source that is a link is followed and keeps its own name',
  gives,
  { source: { ...one, link: symlink('/a.txt') }, words: ['link'], to: '/d/' },
  ['d/ 755 0:0 @100', 'd/link 640 0:0 @5 A'],
);
test(
  'a link that a wildcard matches is followed',
  gives,
  { source: { ...tree, link: symlink('src/sub') }, words: ['lin?'], to: '/d' },
  ['d/ 755 0:0 @7', 'd/g 4755 0:0 @5 G'],
);
test(
  'a link inside a copied directory stays a link',
  gives,
  { source: { 'src/l': symlink('../../etc') }, words: ['src'], to: '/' },
  ['l -> ../../etc'],
);
test('a fifo is copied as such', gives, { source: { p: fifo() }, words: ['p'], to: '/p' }, [
  'p 644 0:0 @1 fifo',
]);
test('hard links inside one copy stay together and are not linked to the source', (t) => {
  const group = {};
  const base = makeTree({
    's/a': file('1', {}, group),
    's/b': file('1', {}, group),
    't/c': file('1', {}, group),
  });
  const after = apply(base, copyTree(base, base, { words: ['s', 't'], to: '/d/' }));
  t.deepEqual(
    [...linkGroups(after).values()],
    [
      ['d/a', 'd/b', 'd/c'],
      ['s/a', 's/b', 't/c'],
    ],
  );
});
test('a copy over one name of a hard-linked file leaves the other names', (t) => {
  const group = {};
  const base = makeTree({ a: file('1', {}, group), b: file('1', {}, group) });
  const changeset = copyTree(base, makeTree({ a: file('2') }), { words: ['a'], to: '/a' });
  t.deepEqual(outline(changeset), ['a 644 0:0 @1 2']);
});
