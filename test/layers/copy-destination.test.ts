import test from 'ava';
import { contents, one, runCopy, tree, type Copying } from '../helpers/copying.js';
import { dir, file, outline, symlink } from '../helpers/make-tree.js';

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
test('one file selected twice, to one name', gives, { source: one, words: ['a.txt', '*.txt'], to: '/d' }, [
  'd 640 0:0 @5 A',
]);
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
  ['d/ 755 0:0 @6', 'd/f 644 0:0 @5 F', ...contents.map((line) => `d/${line}`)],
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
