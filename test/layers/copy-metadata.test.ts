import test from 'ava';
import { isEmptyChangeset } from '../../src/layers/tree.js';
import { contents, copyTree, one, runCopy, tree, type Copying } from '../helpers/copying.js';
import { dir, file, makeTree, outline, symlink } from '../helpers/make-tree.js';

const gives = test.macro({
  exec: (t, input: Copying, expected: readonly string[]) => t.deepEqual(outline(runCopy(input)), expected),
  title: (title = '') => title,
});

const keep = { defaultOwner: 'keep', stripXattrs: false } as const;
test(
  'from a stage owners are kept, the new top directory is 0755 0:0',
  gives,
  { source: tree, words: ['src'], to: '/d', options: keep },
  ['d/ 755 0:0 @6', 'd/f 644 7:8 @5 F', 'd/sub/ 711 7:8 @7', 'd/sub/g 4755 0:0 @5 G'],
);
test(
  'xattrs of a stage survive',
  gives,
  {
    source: { f: file('', { xattrs: new Map([['security.capability', Uint8Array.of(1)]]) }) },
    words: ['f'],
    to: '/f',
    options: keep,
  },
  ['f 644 0:0 @1 [security.capability] '],
);
test(
  'xattrs of a build context do not',
  gives,
  {
    source: { f: file('', { xattrs: new Map([['security.capability', Uint8Array.of(1)]]) }) },
    words: ['f'],
    to: '/f',
  },
  ['f 644 0:0 @1 '],
);
test(
  'setuid bits of a build context survive',
  gives,
  { source: { f: file('', { mode: 0o6755 }) }, words: ['f'], to: '/f' },
  ['f 6755 0:0 @1 '],
);
test(
  '--chown owns files, nested directories and what is made on the way',
  gives,
  { source: tree, words: ['src'], to: '/p/d', options: { owner: { uid: 101, gid: 201 } } },
  [
    'p/ 755 101:201 @100',
    'p/d/ 755 101:201 @6',
    'p/d/f 644 101:201 @5 F',
    'p/d/sub/ 711 101:201 @7',
    'p/d/sub/g 4755 101:201 @5 G',
  ],
);
test(
  "an existing top directory keeps mode and owner, nested existing ones take the source's",
  gives,
  {
    base: { d: dir({ mode: 0o700, uid: 5 }), 'd/sub': dir({ uid: 5 }) },
    source: tree,
    words: ['src'],
    to: '/d',
  },
  ['d/ 700 5:0 @6', 'd/f 644 0:0 @5 F', ...contents.map((line) => `d/${line}`)],
);
test(
  'octal --chmod counts for files and nested directories, its permission bits for what is made on the way',
  gives,
  { source: tree, words: ['src'], to: '/p/d', options: { chmod: { apply: () => 0o1770, octal: 0o1770 } } },
  [
    'p/ 770 0:0 @100',
    'p/d/ 770 0:0 @6',
    'p/d/f 1770 0:0 @5 F',
    'p/d/sub/ 1770 0:0 @7',
    'p/d/sub/g 1770 0:0 @5 G',
  ],
);
test(
  'symbolic --chmod does not count for what is made on the way',
  gives,
  {
    source: tree,
    words: ['src'],
    to: '/p/d',
    options: {
      chmod: { apply: (mode, isDirectory) => mode | (isDirectory ? 0o070 : 0o060), octal: undefined },
    },
  },
  [
    'p/ 755 0:0 @100',
    'p/d/ 755 0:0 @6',
    'p/d/f 664 0:0 @5 F',
    'p/d/sub/ 771 0:0 @7',
    'p/d/sub/g 4775 0:0 @5 G',
  ],
);
test(
  '--chmod leaves links alone',
  gives,
  {
    source: { 's/l': symlink('x') },
    words: ['s'],
    to: '/',
    options: { chmod: { apply: () => 0o600, octal: 0o600 } },
  },
  ['l -> x'],
);
test('a copy that changes nothing is empty', (t) => {
  const base = makeTree(one);
  t.true(
    isEmptyChangeset(copyTree(base, base, { words: ['a.txt'], to: '/', options: { defaultOwner: 'keep' } })),
  );
});
