import test from 'ava';
import { apply } from '../../src/layers/apply.js';
import { emptyTree } from '../../src/layers/tree.js';
import { copyTree, one, runCopy, tree, type Copying } from '../helpers/copying.js';
import { dir, file, makeTree, outline, symlink } from '../helpers/make-tree.js';

const gives = test.macro({
  exec: (t, input: Copying, expected: readonly string[]) => t.deepEqual(outline(runCopy(input)), expected),
  title: (title = '') => title,
});

const refuses = test.macro({
  exec: (t, input: Copying, message: RegExp) => {
    t.throws(() => runCopy(input), { name: 'TsbuildError', code: 'copy', message });
  },
  title: (title = '') => `refused: ${title}`,
});

test(
  "--parents keeps the path below the destination, with the source's parents",
  gives,
  { source: tree, words: ['src/sub/g'], to: '/d', options: { parents: true } },
  ['d/ 755 0:0 @100', 'd/src/ 700 0:0 @6', 'd/src/sub/ 711 0:0 @7', 'd/src/sub/g 4755 0:0 @5 G'],
);
test(
  '--parents: each source has its own pivot, the first /./',
  gives,
  {
    source: { 'a/b/c/f': file('1'), 'x/y/g': file('2') },
    words: ['a/./b/./c/f', 'x/y/./g'],
    to: '/d',
    options: { parents: true },
  },
  ['d/ 755 0:0 @100', 'd/b/ 755 0:0 @1', 'd/b/c/ 755 0:0 @1', 'd/b/c/f 644 0:0 @1 1', 'd/g 644 0:0 @1 2'],
);
test(
  '--parents with ** keeps only what matches',
  gives,
  {
    source: { 'a/x.txt': file('1'), 'a/b/y.txt': file('2'), 'a/b/z.md': file('3'), 'c/z.md': file('4') },
    words: ['**/*.txt'],
    to: '/',
    options: { parents: true },
  },
  ['a/ 755 0:0 @1', 'a/b/ 755 0:0 @1', 'a/b/y.txt 644 0:0 @1 2', 'a/x.txt 644 0:0 @1 1'],
);
test(
  '--parents: a wildcard without a match still makes the destination',
  gives,
  { source: tree, words: ['*.md'], to: '/d/', options: { parents: true } },
  ['d/ 755 0:0 @100'],
);
test(
  '--parents: a plain path that is missing',
  refuses,
  { source: tree, words: ['src/nothing'], to: '/d/', options: { parents: true } },
  /"src\/nothing" does not exist/,
);
test(
  '--parents a/../../b stays inside',
  gives,
  { source: { b: file('1') }, words: ['a/../../b'], to: '/d/', options: { parents: true } },
  ['d/ 755 0:0 @100', 'd/b 644 0:0 @1 1'],
);
test(
  '--exclude patterns start at each copied directory',
  gives,
  {
    source: { 'a/x.md': file('1'), 'a/y': file('2'), 'b/sub/x.md': file('3') },
    words: ['a', 'b'],
    to: '/',
    exclude: (path) => path === 'x.md',
  },
  ['sub/ 755 0:0 @1', 'sub/x.md 644 0:0 @1 3', 'y 644 0:0 @1 2'],
);
test(
  '--exclude takes out files that a wildcard matches',
  gives,
  {
    source: { 'ho.md': file('1'), 'ho.txt': file('2') },
    words: ['ho*'],
    to: '/d/',
    exclude: (path) => path.endsWith('.md'),
  },
  ['d/ 755 0:0 @100', 'd/ho.txt 644 0:0 @1 2'],
);
test(
  '--exclude with an exception: the excluded parent stays for what is kept below it',
  gives,
  {
    source: { 'a/b/keep': file('1'), 'a/b/drop': file('2'), 'a/c/drop': file('3') },
    words: ['.'],
    to: '/',
    exclude: (path) => path !== 'a/b/keep',
  },
  ['a/ 755 0:0 @1', 'a/b/ 755 0:0 @1', 'a/b/keep 644 0:0 @1 1'],
);
test('--link: parents become directories of their own that replace links and modes of the base', (t) => {
  const changeset = copyTree(emptyTree(), makeTree(one), { words: ['a.txt'], to: '/link/x/' });
  t.deepEqual(outline(changeset), [
    'link/ 755 0:0 @100',
    'link/x/ 755 0:0 @100',
    'link/x/a.txt 640 0:0 @5 A',
  ]);
  const after = apply(makeTree({ link: symlink('/real'), real: dir() }), changeset);
  t.is(after.entries.get('link')?.kind, 'directory');
});
