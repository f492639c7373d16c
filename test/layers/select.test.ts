import test from 'ava';
import { select, type SelectOptions } from '../../src/layers/select.js';
import { toByteString } from '../../src/util/bytes.js';
import { walkTree } from '../../src/layers/walk-tree.js';
import { dir, file, makeTree, symlink } from '../helpers/make-tree.js';

const tree = makeTree({
  'a.txt': file('1'),
  'b.txt': file('2'),
  'c.md': file('3'),
  'sub/one/x': file('4'),
  'sub/two/x': file('5'),
  'sub/two/y': file('6'),
  empty: dir(),
  link: symlink('/sub/one'),
  'sub/link': symlink('../a.txt'),
  broken: symlink('/etc/passwd'),
  '[x]': file('7'),
  'caf\xc3\xa9': file('8'),
  'bad\xff': file('9'),
  'sub/loop': symlink('.'),
  pkg: dir(),
});

const selects = test.macro({
  exec(t, pattern: string, expected: readonly string[], options?: SelectOptions) {
    const found = select(tree, toByteString(pattern), options);
    t.deepEqual(
      found.map(({ path, name, node }) => `${path} ${name} ${node.kind}`),
      expected,
    );
  },
  title: (title, pattern) => `${title}: ${pattern}`,
});

test('a file', selects, 'a.txt', ['a.txt a.txt file']);
test('a leading slash is harmless', selects, '/sub/two/x', ['sub/two/x x file']);
test('.. stops at the root', selects, '../../a.txt', ['a.txt a.txt file']);
test('.. is taken out before wildcards', selects, '*/../a.txt', ['a.txt a.txt file']);
test('the whole tree', selects, '.', ['  directory']);
test('a trailing slash', selects, 'sub/two/', ['sub/two two directory']);
test('* stops at a slash', selects, '*.txt', ['a.txt a.txt file', 'b.txt b.txt file']);
test('? is one character of the name, not one byte', selects, 'caf?', ['caf\xc3\xa9 caf\xc3\xa9 file']);
test('a name that is not UTF-8 matches a wildcard', selects, 'bad*', ['bad\xff bad\xff file']);
test('classes', selects, '[^ab].md', ['c.md c.md file']);
test('an escaped bracket', selects, '[[]x]', ['[x] [x] file']);
test('wildcards in directories', selects, 'sub/*/x', ['sub/one/x x file', 'sub/two/x x file']);
test('wildcards do not pass through links', selects, 'l*/x', []);
test('a plain path passes through links', selects, 'link/x', ['link/x x file']);
test('a plain start of a pattern passes through links', selects, 'link/*', ['sub/one/x x file']);
test('a link keeps its name', selects, 'sub/link', ['sub/link link file']);
test('** is * without --parents', selects, '**/two', ['sub/two two directory']);
test('no match', selects, '*.nothing', []);
test('a pattern below a file', selects, 'a.txt/*', []);
test('an excluded file', selects, 'a.txt', [], { exclude: (path) => path === 'a.txt' });

const refuses = test.macro({
  exec(t, pattern: string, message: RegExp, hint?: string, options?: SelectOptions) {
    const error = t.throws(() => select(tree, toByteString(pattern), options), {
      name: 'TsbuildError',
      code: 'copy',
      message,
    });
    t.is((error as { hint?: string }).hint, hint);
  },
  title: (title, pattern) => `refused, ${title}: ${pattern}`,
});

test(
  'missing, with the nearest name',
  refuses,
  'sub/tow/x',
  /^"sub\/tow\/x" does not exist$/,
  'did you mean two?',
);
test('missing, with nothing near', refuses, 'completely-else', /^"completely-else" does not exist$/);
test('a folder in which a wildcard looks', refuses, 'subb/*', /^"subb" does not exist$/, 'did you mean sub?');
test('a link out of the tree', refuses, 'broken', /^"broken" does not exist$/);
test('below a file', refuses, 'a.txt/x', /^"a.txt\/x" does not exist$/);
test('a pivot that is a file', refuses, 'a.txt/./x', /"a.txt" is not a directory/, undefined, {
  parents: true,
});
test(
  'control characters are escaped',
  refuses,
  'x\u001b\u009b\u202e',
  /^"x\\u001b\\u009b\\u202e" does not exist$/,
);

const keeps = test.macro({
  exec(t, pattern: string, expected: readonly string[], exclude?: (path: string) => boolean) {
    const [found, ...others] = select(tree, pattern, { parents: true, exclude });
    t.deepEqual(others, []);
    t.true(found?.node.kind === 'directory');
    if (found?.node.kind !== 'directory') return;
    t.deepEqual(
      Array.from(walkTree(found.node), ([path, node]) => `${path}${node.kind === 'directory' ? '/' : ''}`),
      expected,
    );
  },
  title: (title, pattern) => `--parents, ${title}: ${pattern}`,
});

test('a file with its parents', keeps, 'sub/one/x', ['sub/', 'sub/one/', 'sub/one/x']);
test('a directory with all below', keeps, 'sub/two', ['sub/', 'sub/two/', 'sub/two/x', 'sub/two/y']);
test('** is any depth', keeps, '**/x', ['sub/', 'sub/one/', 'sub/one/x', 'sub/two/', 'sub/two/x']);
test('** is no name too', keeps, '**/a.txt', ['a.txt']);
test('a/** is what is below', keeps, 'sub/two/**', ['sub/', 'sub/two/', 'sub/two/x', 'sub/two/y']);
test('** in the middle', keeps, 'sub/**/y', ['sub/', 'sub/two/', 'sub/two/y']);
test('a/** of an empty directory is nothing', keeps, 'pkg/**', []);
test('an empty directory', keeps, 'pkg', ['pkg/']);
test('a link that is selected stays a link', keeps, 'sub/link', ['sub/', 'sub/link']);
test('a link on a plain path is passed through', keeps, 'link/x', ['link/', 'link/x']);
test('the pivot is cut off', keeps, 'sub/./two/x', ['two/', 'two/x']);
test('a pivot alone', keeps, 'sub/two/./', ['x', 'y']);
test('exclude starts at the pivot', keeps, 'sub/./two', ['two/', 'two/y'], (path) => path === 'two/x');
test('no match', keeps, '*.nothing', []);
