import test from 'ava';
import fc from 'fast-check';
import { apply } from '../../src/layers/apply.js';
import {
  changesetContentDigest,
  changesetIdentity,
  contentDigest,
  identityDigest,
} from '../../src/layers/content-digest.js';
import { parseChangeset, serialiseChangeset } from '../../src/layers/changeset-json.js';
import { emptyTree, lookup } from '../../src/layers/tree.js';
import type { Changeset, ChangesetEntry, Device, Node, Tree } from '../../src/layers/types.js';
import { describeChangeset, describeTree } from '../helpers/describe-tree.js';
import { dir, file, makeTree, symlink } from '../helpers/make-tree.js';
import { changesets, trees } from '../helpers/tree-arbitraries.js';

type Nodes = Readonly<Record<string, Node>>;

const base: Nodes = { 'd/f': file('1'), l: symlink('x') };

const differs = test.macro({
  exec(t, one: Nodes, other: Nodes) {
    t.not(contentDigest(makeTree(one)), contentDigest(makeTree(other)));
    t.not(identityDigest(makeTree(one)), identityDigest(makeTree(other)));
  },
  title: (title) => `another digest for ${title}`,
});

const a = (node: Node): Nodes => ({ a: node });
const device = (more: Partial<Device>): Device => ({
  kind: 'device',
  type: 'char',
  meta: dir().meta,
  major: 1,
  minor: 3,
  ...more,
});
const xattr = (name: string, ...bytes: number[]): Nodes =>
  a(file('1', { xattrs: new Map([[name, Uint8Array.from(bytes)]]) }));

test('another mode', differs, base, { ...base, 'd/f': file('1', { mode: 0o600 }) });
test('another uid', differs, base, { ...base, 'd/f': file('1', { uid: 1 }) });
test('another gid', differs, base, { ...base, 'd/f': file('1', { gid: 1 }) });
test('another content', differs, base, { ...base, 'd/f': file('2') });
test('another target', differs, base, { ...base, l: symlink('y') });
test('another name', differs, a(file('1')), { b: file('1') });
test('another place', differs, { 'd/f': file('1') }, { 'e/f': file('1') });
test('another type', differs, a(device({})), a(device({ type: 'block' })));
test('another major number', differs, a(device({})), a(device({ major: 2 })));
test('another minor number', differs, a(device({ major: 1, minor: 11 })), a(device({ major: 11, minor: 1 })));
test('an xattr', differs, a(file('1')), xattr('user.a'));
test('another xattr value', differs, xattr('user.a', 0xc3, 0xa9), xattr('user.a', 0xe9));
test('another xattr name', differs, xattr('user.a', 1), xattr('user.b', 1));
test('an empty directory', differs, {}, a(dir()));
test('a mode of a directory', differs, a(dir()), a(dir({ mode: 0o700 })));
test(
  'a hard link where two files were',
  differs,
  { a: file('1'), b: file('1') },
  { a: file('1', {}, test), b: file('1', {}, test) },
);
test(
  'other hard links',
  differs,
  { 'd/a': file('1', {}, a), 'e/b': file('1', {}, a), c: file('1') },
  { 'd/a': file('1', {}, a), 'e/b': file('1'), c: file('1', {}, a) },
);

const grouped = (...groups: readonly string[]): Nodes =>
  Object.fromEntries(
    groups.flatMap((names) => {
      const group = {};
      return names.split('').map((name) => [name, file('1', {}, group)]);
    }),
  );
test('groups with other borders', differs, grouped('ab', 'cde'), grouped('abc', 'de'));

test('times are part of the identity only', (t) => {
  const [one, other] = [makeTree(a(file('1'))), makeTree(a(file('1', { mtime: 2n })))];
  t.is(contentDigest(one), contentDigest(other));
  t.not(identityDigest(one), identityDigest(other));
});

test('a group of one name is no group', (t) => {
  t.is(contentDigest(makeTree(a(file('1')))), contentDigest(makeTree(a(file('1', {}, test)))));
});

test('only names below the node count for its hard links', (t) => {
  const tree = makeTree({ 'd/a': file('1', {}, test), b: file('1', {}, test) });
  t.is(
    contentDigest(lookup(tree, 'd') ?? tree),
    contentDigest(lookup(makeTree({ 'd/a': file('1') }), 'd') ?? tree),
  );
});

test('the order in which entries were added does not count', (t) => {
  t.is(
    contentDigest(makeTree({ a: file('1'), b: dir() })),
    contentDigest(makeTree({ b: dir(), a: file('1') })),
  );
});

test('trees have equal identities when and only when they are equal', (t) => {
  const seen = new Map<string, string>();
  fc.assert(
    fc.property(trees, (tree: Tree) => {
      const text = describeTree(tree).join('\n');
      const digest = identityDigest(tree);
      t.is(identityDigest(structuredClone(tree)), digest);
      t.is(seen.get(digest) ?? text, text);
      seen.set(digest, text);
    }),
    { numRuns: 500 },
  );
  t.is(new Set(seen.values()).size, seen.size);
});

test('a tree reached through changes has the digest of the same tree made new', (t) => {
  fc.assert(
    fc.property(trees, changesets({ hardLinks: false }), (tree, change) => {
      contentDigest(tree);
      const after = apply(tree, change);
      t.is(contentDigest(after), contentDigest(structuredClone(after)));
    }),
    { numRuns: 300 },
  );
});

/** Random hard links are often refused. */
function digests(changeset: Changeset): string[] | undefined {
  try {
    return [changesetIdentity(changeset), changesetContentDigest(changeset)];
  } catch {
    return undefined;
  }
}

test('a changeset that was stored has the digests of the one that was not', (t) => {
  fc.assert(
    fc.property(changesets(), (changeset) => {
      const expected = digests(changeset);
      fc.pre(expected !== undefined);
      t.deepEqual(
        digests(parseChangeset(serialiseChangeset(changeset))),
        expected,
        describeChangeset(changeset).join(),
      );
    }),
    { numRuns: 300 },
  );
});

const change = (
  entries: Readonly<Record<string, ChangesetEntry>>,
  more: Partial<Changeset> = {},
): Changeset => ({
  kind: 'directory',
  meta: undefined,
  opaque: false,
  entries: new Map(Object.entries(entries)),
  ...more,
});

test('whiteouts, opaque directories and implicit parents count in a changeset', (t) => {
  const all = [
    change({}),
    change({}, { opaque: true }),
    change({}, { meta: emptyTree().meta }),
    change({ a: { kind: 'whiteout' } }),
    change({ a: change({}) }),
    change({ a: { kind: 'hardlink', target: 'b' } }),
  ];
  t.is(new Set(all.map(changesetContentDigest)).size, all.length);
});

test('a hard link and a group inside one changeset are the same', (t) => {
  const named = change({ a: file('1'), b: { kind: 'hardlink', target: 'a' } });
  const grouped = change({ a: file('1', {}, test), b: file('1', {}, test) });
  t.is(changesetContentDigest(named), changesetContentDigest(grouped));
});

test('digests do not change from one version to the next without a new label', (t) => {
  t.is<string, string>(
    contentDigest(makeTree(base)),
    'sha256:05efb3d956822d70afe52da49e8890d7c6f9f719363916602b8d6b2e9c6537ea',
  );
});
