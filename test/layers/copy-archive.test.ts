import test from 'ava';
import { copyArchive, type ArchiveOptions } from '../../src/layers/copy-archive.js';
import type { Changeset, ChangesetEntry, Node, Tree } from '../../src/layers/types.js';
import { dir, file, makeTree, outline, symlink } from '../helpers/make-tree.js';

type Nodes = Readonly<Record<string, Node>>;

function change(entries: Readonly<Record<string, ChangesetEntry>>): Changeset {
  return { kind: 'directory', meta: undefined, opaque: false, entries: new Map(Object.entries(entries)) };
}

const adds = test.macro({
  exec(
    t,
    base: Nodes,
    archive: Tree | Changeset,
    expected: readonly string[],
    options: Partial<ArchiveOptions> = {},
  ) {
    const defaults = { destination: '/d', workdir: '/', now: 100n };
    t.deepEqual(outline(copyArchive(makeTree(base), archive, { ...defaults, ...options })), expected);
  },
  title: (title = '') => title,
});

const archive = makeTree({ 'bin/x': file('1', { uid: 7, gid: 8, mode: 0o4755 }) });
const unpacked = ['d/bin/ 755 0:0 @1', 'd/bin/x 4755 7:8 @1 1'];

test('the destination is made as a directory, without a slash too', adds, {}, archive, [
  'd/ 755 0:0 @100',
  ...unpacked,
]);
test('contents are united with what is there', adds, { 'd/bin/y': file('2') }, archive, [
  'd/',
  'd/bin/',
  'd/bin/x 4755 7:8 @1 1',
]);
test(
  '--chown counts for the destination and all entries',
  adds,
  {},
  archive,
  ['d/ 755 3:4 @100', 'd/bin/ 755 3:4 @1', 'd/bin/x 4755 3:4 @1 1'],
  { owner: { uid: 3, gid: 4 } },
);
test(
  'a ./ entry does not change the destination',
  adds,
  { d: dir({ mode: 0o700 }) },
  { ...archive, meta: dir({ mode: 0o777, uid: 9 }).meta },
  ['d/', ...unpacked],
);
test(
  'a destination that is an absolute link is followed inside the tree',
  adds,
  { 'real/x': file(''), link: symlink('/real') },
  archive,
  ['real/', ...unpacked.map((line) => line.replace('d/', 'real/'))],
  { destination: 'link/' },
);
test(
  'a directory that the archive leaves out may be a link',
  adds,
  { 'd/usr/bin/y': file(''), 'd/bin': symlink('/d/usr/bin') },
  change({ bin: change({ x: file('1') }) }),
  ['d/', 'd/usr/', 'd/usr/bin/', 'd/usr/bin/x 644 0:0 @1 1'],
);
test(
  'a directory of the archive replaces a link',
  adds,
  { 'd/usr/bin/y': file(''), 'd/bin': symlink('/d/usr/bin') },
  archive,
  ['d/', ...unpacked],
);
test('a file of the archive replaces a directory', adds, { 'd/bin/x/y': file('') }, archive, [
  'd/',
  'd/bin/',
  'd/bin/x 4755 7:8 @1 1',
]);
test(
  'whiteout names are literal',
  adds,
  { 'd/a': file('1') },
  makeTree({ '.wh.a': file(''), '.wh..wh..opq': file('') }),
  ['d/', 'd/.wh..wh..opq 644 0:0 @1 ', 'd/.wh.a 644 0:0 @1 '],
);
test(
  'user.* xattrs are dropped, others survive',
  adds,
  {},
  makeTree({
    x: file('1', {
      xattrs: new Map([
        ['user.a', Uint8Array.of(1)],
        ['security.capability', Uint8Array.of(2)],
      ]),
    }),
  }),
  ['d/ 755 0:0 @100', 'd/x 644 0:0 @1 [security.capability] 1'],
);
test('hard links of the archive', adds, {}, change({ a: file('1'), b: { kind: 'hardlink', target: 'a' } }), [
  'd/ 755 0:0 @100',
  'd/a 644 0:0 @1 1',
  'd/b 644 0:0 @1 1',
]);

test('a hard link out of the archive is refused', (t) => {
  const base = makeTree({ 'etc/shadow': file('') });
  const hostile = change({ b: { kind: 'hardlink', target: '../etc/shadow' } });
  t.throws(() => copyArchive(base, hostile, { destination: '/d', workdir: '/', now: 0n }), {
    code: 'image',
    message: /is not in the archive/,
  });
});

test(
  'links of the archive are not followed out of the tree',
  adds,
  {},
  change({ s: symlink('/etc'), t: change({ x: file('1') }) }),
  ['d/ 755 0:0 @100', 'd/s -> /etc', 'd/t/ 755 0:0 @100', 'd/t/x 644 0:0 @1 1'],
);
