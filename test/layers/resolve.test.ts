import test from 'ava';
import { resolve, type ResolveOptions } from '../../src/layers/resolve.js';
import type { Node } from '../../src/layers/types.js';
import { file, makeTree, symlink } from '../helpers/make-tree.js';

const tree = makeTree({
  'dir/file': file('x'),
  'dir/up': symlink('..'),
  'dir/far': symlink('../../../../dir/file'),
  absolute: symlink('/dir'),
  relative: symlink('dir'),
  'deep/er/back': symlink('../../dir/./file'),
  dangling: symlink('dir/none/x'),
  'loop-a': symlink('loop-b'),
  'loop-b': symlink('/loop-a'),
  self: symlink('self'),
  ['__proto__']: file('p'),
  host: symlink('/proc/self/root'),
});

const leads = test.macro({
  exec(t, path: string, to: string, options?: ResolveOptions) {
    const found = resolve(tree, path, options);
    const missing = found.missing.length === 0 ? '' : ` without ${found.missing.join('/')}`;
    t.is(`/${found.path} ${found.node?.kind ?? found.existing.node.kind}${missing}`, to);
  },
  title: (title, path) => `${title}: ${JSON.stringify(path)}`,
});

test('the root', leads, '', '/ directory');
test('the root', leads, '/', '/ directory');
test('a plain path', leads, 'dir/file', '/dir/file file');
test('doubled slashes and dots', leads, '//dir/.//./file', '/dir/file file');
test('.. stops at the root', leads, '../../dir/../../dir/file', '/dir/file file');
test('an absolute target starts at the root', leads, 'absolute/file', '/dir/file file');
test('a relative target starts at the directory of the link', leads, 'deep/er/back', '/dir/file file');
test('a target with too many .. stays inside', leads, 'dir/far', '/dir/file file');
test(
  '.. after a link leaves the directory that the link leads to',
  leads,
  'dir/up/dir/up/relative/../absolute',
  '/dir directory',
);
test('the last link is followed', leads, 'relative', '/dir directory');
test('the last link is not followed when asked', leads, 'relative', '/relative symlink', {
  followLast: false,
});
test('a trailing slash follows the last link all the same', leads, 'relative/', '/dir directory', {
  followLast: false,
});
test('links on the way are followed even so', leads, 'absolute/up', '/dir/up symlink', { followLast: false });
test('names that do not exist', leads, 'dir/a/b', '/dir/a/b directory without a/b');
test(
  'a link to nothing leads to where its target would be',
  leads,
  'dangling',
  '/dir/none/x directory without none/x',
);
test('.. takes back a name that does not exist', leads, 'dir/a/../file', '/dir/file file');
test('below a file', leads, 'dir/file/x/y', '/dir/file/x/y file without x/y');
test('a name from Object.prototype', leads, '__proto__', '/__proto__ file');
test(
  'a name from Object.prototype that is not there',
  leads,
  'constructor',
  '/constructor directory without constructor',
);
test(
  '/proc of the host is not there',
  leads,
  'host/etc/passwd',
  '/proc/self/root/etc/passwd directory without proc/self/root/etc/passwd',
);
test('a relative path starts at cwd', leads, 'file', '/dir/file file', { cwd: 'relative' });
test('an absolute path does not', leads, '/dir/file', '/dir/file file', { cwd: '/deep/er' });

for (const path of ['loop-a', 'self/x']) {
  test(`a loop is refused: ${path}`, (t) => {
    t.throws(() => resolve(tree, path), {
      code: 'copy',
      message: new RegExp(`too many symbolic links in "${path}"`),
    });
  });
}

/** A chain of `count` links that ends at a file. */
function chain(count: number): Record<string, Node> {
  const links = Array.from({ length: count }, (_, i): [string, Node] => [
    `l${i}`,
    symlink(i + 1 < count ? `l${i + 1}` : 'end'),
  ]);
  return { ...Object.fromEntries(links), end: file('') };
}

test('40 links are followed, 41 are not', (t) => {
  t.is(resolve(makeTree(chain(40)), 'l0').path, 'end');
  t.throws(() => resolve(makeTree(chain(41)), 'l0'), { code: 'copy' });
});
