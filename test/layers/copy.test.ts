import test from 'ava';
import { copy, type CopyOptions } from '../../src/layers/copy.js';
import { apply } from '../../src/layers/apply.js';
import { linkGroups } from '../../src/layers/link-groups.js';
import { select } from '../../src/layers/select.js';
import { emptyTree, isEmptyChangeset } from '../../src/layers/tree.js';
import type { Node, Tree } from '../../src/layers/types.js';
import { dir, fifo, file, makeTree, outline, symlink } from '../helpers/make-tree.js';

type Nodes = Readonly<Record<string, Node>>;

interface Case {
  readonly base?: Nodes;
  readonly source: Nodes;
  /** Source words. */
  readonly words: readonly string[];
  readonly to: string;
  readonly options?: Partial<CopyOptions>;
  readonly exclude?: (path: string) => boolean;
}

function run({ base = {}, source, words, to, options = {}, exclude }: Case): ReturnType<typeof copy> {
  return copyTree(makeTree(base), makeTree(source), { words, to, options, exclude });
}

function copyTree(
  base: Tree,
  source: Tree,
  { words, to, options = {}, exclude }: Omit<Case, 'base' | 'source'>,
) {
  const parents = options.parents ?? false;
  const sources = words.map((pattern) => ({
    pattern,
    selections: select(source, pattern, { parents, exclude }),
  }));
  const defaults = { workdir: '/', defaultOwner: 'root', parents, now: 100n, stripXattrs: true } as const;
  return copy(base, sources, { ...defaults, ...options, destination: to });
}

const gives = test.macro({
  exec: (t, input: Case, expected: readonly string[]) => t.deepEqual(outline(run(input)), expected),
  title: (title = '') => title,
});

const refuses = test.macro({
  exec: (t, input: Case, message: RegExp) => {
    t.throws(() => run(input), { name: 'TsbuildError', code: 'copy', message });
  },
  title: (title = '') => `refused: ${title}`,
});

const one = { 'a.txt': file('A', { mode: 0o640, uid: 7, gid: 8, mtime: 5n }) };
const tree = {
  src: dir({ mode: 0o700, uid: 7, gid: 8, mtime: 6n }),
  'src/f': file('F', { uid: 7, gid: 8, mtime: 5n }),
  'src/sub': dir({ mode: 0o711, uid: 7, gid: 8, mtime: 7n }),
  'src/sub/g': file('G', { mode: 0o4755, mtime: 5n }),
};
const contents = ['sub/ 711 0:0 @7', 'sub/g 4755 0:0 @5 G'];

// Destination

test(
  'a relative destination is joined to WORKDIR',
  gives,
  { base: { 'app/x': file('') }, source: one, words: ['a.txt'], to: 'b', options: { workdir: '/app' } },
  ['app/', 'app/b 640 0:0 @5 A'],
);
for (const to of ['.', './', '']) {
  test(
    `the destination ${JSON.stringify(to)} is WORKDIR`,
    gives,
    { base: { app: dir() }, source: one, words: ['a.txt'], to, options: { workdir: '/app' } },
    ['app/', 'app/a.txt 640 0:0 @5 A'],
  );
}
test(
  'file to an absent path: the file takes that name',
  gives,
  { source: one, words: ['a.txt'], to: '/abs' },
  ['abs 640 0:0 @5 A'],
);
for (const to of ['/abs/', '/abs/.']) {
  test(
    `file to an absent path written ${to}: a directory is made`,
    gives,
    { source: one, words: ['a.txt'], to },
    ['abs/ 755 0:0 @100', 'abs/a.txt 640 0:0 @5 A'],
  );
}
test(
  'file to an existing directory without a slash goes into it',
  gives,
  { base: { dir: dir({ mode: 0o700 }) }, source: one, words: ['a.txt'], to: '/dir' },
  ['dir/', 'dir/a.txt 640 0:0 @5 A'],
);
test(
  'directory to an absent path: made, with the contents in it',
  gives,
  { source: tree, words: ['src'], to: '/d' },
  ['d/ 755 0:0 @6', 'd/f 644 0:0 @5 F', ...contents.map((line) => `d/${line}`)],
);
for (const word of ['src/', 'src/.', '/src', '../src', './src']) {
  test(`the source ${word} is the directory src`, gives, { source: tree, words: [word], to: '/' }, [
    'f 644 0:0 @5 F',
    ...contents,
  ]);
}
test(
  'several directories are united in order; a later file wins',
  gives,
  { source: { 'a/x': file('1'), 'b/x': file('2'), 'b/y': file('3') }, words: ['a', 'b'], to: '/d' },
  ['d/ 755 0:0 @1', 'd/x 644 0:0 @1 2', 'd/y 644 0:0 @1 3'],
);
test('a wildcard that matches one file needs no slash', gives, { source: one, words: ['*.txt'], to: '/d' }, [
  'd 640 0:0 @5 A',
]);
test(
  'several files to one name',
  refuses,
  { source: { a: file('1'), b: file('2') }, words: ['a', 'b'], to: '/d' },
  /"\/a" and "\/b" would both be copied to "\/d"/,
);
test(
  'a wildcard that matches several files, to one name',
  refuses,
  { source: { a: file('1'), b: file('2') }, words: ['?'], to: '/d' },
  /would both be copied/,
);
test(
  'several files into an existing directory need no slash',
  gives,
  { base: { d: dir() }, source: { a: file('1'), b: file('2') }, words: ['*'], to: '/d' },
  ['d/', 'd/a 644 0:0 @1 1', 'd/b 644 0:0 @1 2'],
);
test(
  'a wildcard that matches a directory copies its contents flat',
  gives,
  { source: tree, words: ['s*'], to: '/d/' },
  ['d/ 755 0:0 @6', 'd/f 644 0:0 @5 F', ...contents.map((line) => `d/${line}`)],
);
test('a wildcard without a match changes nothing', gives, { source: one, words: ['*.md'], to: '/new/' }, []);
test(
  'a destination that is a link is followed inside the tree',
  gives,
  { base: { 'real/x': file(''), link: symlink('/real') }, source: one, words: ['a.txt'], to: '/link/' },
  ['real/', 'real/a.txt 640 0:0 @5 A'],
);
test(
  'a parent of the destination that is a link is followed',
  gives,
  {
    base: { 'real/x': file(''), link: symlink('../../real') },
    source: one,
    words: ['a.txt'],
    to: '/link/sub/',
  },
  ['real/', 'real/sub/ 755 0:0 @100', 'real/sub/a.txt 640 0:0 @5 A'],
);
test(
  'a destination that is a link to a file: the file is replaced and the link stays',
  gives,
  { base: { real: file('old'), link: symlink('real') }, source: one, words: ['a.txt'], to: '/link' },
  ['real 640 0:0 @5 A'],
);
test(
  'a destination that is a link to nothing: its target is made',
  gives,
  { base: { link: symlink('/some/where') }, source: one, words: ['a.txt'], to: '/link' },
  ['some/ 755 0:0 @100', 'some/where 640 0:0 @5 A'],
);
test(
  '.. in the destination is taken out before links are followed',
  gives,
  {
    base: { 'real/deep/x': file(''), link: symlink('real/deep') },
    source: one,
    words: ['a.txt'],
    to: '/link/../a',
  },
  ['a 640 0:0 @5 A'],
);
test('the destination stays inside the root', gives, { source: one, words: ['a.txt'], to: '/../../x' }, [
  'x 640 0:0 @5 A',
]);
test(
  'a directory below the source over a link to a directory',
  refuses,
  { base: { real: dir(), 'd/sub': symlink('/real') }, source: tree, words: ['src'], to: '/d' },
  /cannot copy a directory to "\/d\/sub", which is a symbolic link to "\/real"/,
);
test(
  'a directory below the source over a file',
  refuses,
  { base: { 'd/sub': file('') }, source: tree, words: ['src'], to: '/d' },
  /cannot copy a directory to "\/d\/sub", which is a file/,
);
test(
  'a directory to a path that is a file',
  refuses,
  { base: { d: file('') }, source: tree, words: ['src'], to: '/d' },
  /"\/d" is a file/,
);
test(
  'a file below the source replaces a link and does not follow it',
  gives,
  {
    base: { real: file('old'), 'd/f': symlink('/real'), 'd/sub': dir() },
    source: tree,
    words: ['src'],
    to: '/d',
  },
  ['d/', 'd/f 644 0:0 @5 F', ...contents.map((line) => `d/${line}`)],
);
test(
  'a file into a directory replaces a link of its name and does not follow it',
  gives,
  { base: { real: file('old'), 'd/a.txt': symlink('/real') }, source: one, words: ['a.txt'], to: '/d/' },
  ['d/', 'd/a.txt 640 0:0 @5 A'],
);
test(
  'a file below the source over a directory',
  refuses,
  { base: { 'd/f/x': file('') }, source: tree, words: ['src'], to: '/d' },
  /cannot replace the directory "\/d\/f" with a file/,
);
test(
  'a file into a directory that has a directory of its name',
  refuses,
  { base: { 'd/a.txt/x': file('') }, source: one, words: ['a.txt'], to: '/d/' },
  /cannot replace the directory "\/d\/a.txt" with a file/,
);
test(
  'a file with a destination below a file',
  refuses,
  { base: { d: file('') }, source: one, words: ['a.txt'], to: '/d/x' },
  /cannot make the directory "\/d": "\/d" is a file/,
);
test(
  'a file to a destination with a slash that is a file',
  refuses,
  { base: { d: file('') }, source: one, words: ['a.txt'], to: '/d/' },
  /"\/d" is a file/,
);

// Source

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

// Metadata

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
  ['d/', 'd/f 644 0:0 @5 F', ...contents.map((line) => `d/${line}`)],
);
test(
  'octal --chmod counts for files, nested directories and what is made on the way',
  gives,
  { source: tree, words: ['src'], to: '/p/d', options: { chmod: { apply: () => 0o1770, octal: 0o1770 } } },
  [
    'p/ 1770 0:0 @100',
    'p/d/ 1770 0:0 @6',
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

// --parents, --exclude, --link

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
