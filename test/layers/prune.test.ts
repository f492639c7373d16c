import test from 'ava';
import fc from 'fast-check';
import { apply } from '../../src/layers/apply.js';
import { pruneUnchanged, pruneUnchangedDirectories } from '../../src/layers/prune.js';
import { walkChangeset } from '../../src/layers/changeset.js';
import type {
  Changeset,
  ChangesetDirectory,
  ChangesetEntry,
  Metadata,
  Node,
  Tree,
} from '../../src/layers/types.js';
import { describeTree } from '../helpers/describe-tree.js';
import { dir, file, makeTree, outline, symlink } from '../helpers/make-tree.js';
import { changesets, trees } from '../helpers/tree-arbitraries.js';

function change(
  entries: Readonly<Record<string, ChangesetEntry>> = {},
  meta: Metadata | undefined = dir().meta,
  opaque = false,
): ChangesetDirectory {
  return { kind: 'directory', meta, opaque, entries: new Map(Object.entries(entries)) };
}

const whiteout: ChangesetEntry = { kind: 'whiteout' };
const later = dir({ mtime: 50n }).meta;

const keeps = test.macro({
  exec(t, base: Readonly<Record<string, Node>>, changeset: Changeset, expected: readonly string[]) {
    t.deepEqual(outline(pruneUnchangedDirectories(makeTree(base), changeset)), expected);
  },
  title: (title = '') => title,
});

test(
  'a directory of which only the time changed vanishes',
  keeps,
  { d: dir() },
  change({ d: change({}, later) }),
  [],
);
test(
  'a directory of which only the time changed stays as a parent',
  keeps,
  { d: dir() },
  change({ d: change({ f: file('1') }, later) }),
  ['d/', 'd/f 644 0:0 @1 1'],
);
test('a directory whose time a copy set keeps it beside what changed below', (t) => {
  const base = makeTree({ d: dir(), e: dir() });
  const changed = change({ d: change({ f: file('1') }, later), e: change({}, later) });
  t.deepEqual(outline(pruneUnchanged(base, changed)), ['d/ 755 0:0 @50', 'd/f 644 0:0 @1 1']);
});
test(
  'a directory with another mode stays',
  keeps,
  { d: dir() },
  change({ d: change({}, dir({ mode: 0o700 }).meta) }),
  ['d/ 700 0:0 @1'],
);
test(
  'a directory with another owner stays',
  keeps,
  { d: dir() },
  change({ d: change({}, dir({ uid: 1 }).meta) }),
  ['d/ 755 1:0 @1'],
);
test(
  'a directory with another xattr stays',
  keeps,
  { d: dir() },
  change({ d: change({}, dir({ xattrs: new Map([['user.a', Uint8Array.of(1)]]) }).meta) }),
  ['d/ 755 0:0 @1 [user.a]'],
);
test('a new empty directory stays', keeps, {}, change({ d: change() }), ['d/ 755 0:0 @1']);
test('a new directory without metadata stays', keeps, {}, change({ d: { ...change(), meta: undefined } }), [
  'd/',
]);
test('a directory in the place of a file stays', keeps, { d: file('') }, change({ d: change() }), [
  'd/ 755 0:0 @1',
]);
test(
  'a file that is equal in everything vanishes',
  keeps,
  { 'd/f': file('1') },
  change({ d: change({ f: file('1') }) }),
  [],
);
test('a file with another time stays', keeps, { f: file('1') }, change({ f: file('1', { mtime: 2n }) }), [
  'f 644 0:0 @2 1',
]);
test(
  'a file with other content of the same size and time stays',
  keeps,
  { f: file('1') },
  change({ f: file('2') }),
  ['f 644 0:0 @1 2'],
);
test(
  'a link that is equal vanishes, one with another target stays',
  keeps,
  { a: symlink('x'), b: symlink('x') },
  change({ a: symlink('x'), b: symlink('y') }),
  ['b -> y'],
);
test(
  'a whiteout of a name that is not there vanishes',
  keeps,
  { 'd/a': file('') },
  change({ a: whiteout, d: change({ a: whiteout, b: whiteout }) }),
  ['d/', '-d/a'],
);
test(
  'an opaque directory without a counterpart becomes plain',
  keeps,
  { o: file('') },
  change({ o: change({ f: file('1') }, dir().meta, true), n: change({}, dir().meta, true) }),
  ['n/ 755 0:0 @1', 'o/ 755 0:0 @1', 'o/f 644 0:0 @1 1'],
);
test(
  'an opaque directory becomes whiteouts of what is missing',
  keeps,
  { 'o/a': file('1'), 'o/b': file('2'), 'o/c/d': file('3') },
  change({ o: change({ b: file('2'), n: file('4') }, dir().meta, true) }),
  ['o/', '-o/a', '-o/c', 'o/n 644 0:0 @1 4'],
);
test(
  'a directory below an opaque one hides what was below as well',
  keeps,
  { 'o/s/a': file('1'), 'o/s/b': file('2') },
  change({ o: change({ s: change({ b: file('3') }) }, dir().meta, true) }),
  ['o/', 'o/s/', '-o/s/a', 'o/s/b 644 0:0 @1 3'],
);
test(
  'the target of a hard link stays',
  keeps,
  { a: file('1') },
  change({ a: file('1'), b: { kind: 'hardlink', target: 'a' } }),
  ['a 644 0:0 @1 1', 'b => a'],
);
test(
  'a group that is a group of the base vanishes',
  keeps,
  { a: file('1', {}, test), b: file('1', {}, test) },
  change({ a: file('1', {}, keeps), b: file('1', {}, keeps) }),
  [],
);
test(
  'a group with a new name stays whole',
  keeps,
  { a: file('1', {}, test), b: file('1', {}, test) },
  change({ a: file('1', {}, keeps), c: file('1', {}, keeps) }),
  ['a 644 0:0 @1 1', 'c 644 0:0 @1 1'],
);
test(
  'a group that was two files stays whole',
  keeps,
  { a: file('1'), b: file('1') },
  change({ a: file('1', {}, keeps), b: file('1', {}, keeps) }),
  ['a 644 0:0 @1 1', 'b 644 0:0 @1 1'],
);

test(
  'a group of names of two groups stays whole',
  keeps,
  { a: file('1', {}, test), b: file('1', {}, keeps), c: file('1', {}, test), d: file('1', {}, keeps) },
  change({ a: file('1', {}, change), b: file('1', {}, change) }),
  ['a 644 0:0 @1 1', 'b 644 0:0 @1 1'],
);
test(
  'a hard link over a name of the base stays',
  keeps,
  { a: file('1'), b: file('1') },
  change({ b: { kind: 'hardlink', target: 'a' } }),
  ['b => a'],
);

/** Directory times and which equal files are links of each other do not count. */
function essence(tree: Tree): string[] {
  return describeTree(tree).map((line) =>
    (line.includes(' directory ') ? line.replace(/"mtime":"-?\d+"/, '') : line).replace(/ links=.*/, ''),
  );
}

test('a pruned changeset makes the same tree but for directory times, and nothing of it is opaque', (t) => {
  fc.assert(
    fc.property(trees, changesets({ hardLinks: false }), (base, changeset) => {
      const pruned = pruneUnchangedDirectories(base, changeset);
      t.is(essence(apply(base, pruned)).join('\n'), essence(apply(base, changeset)).join('\n'));
      for (const [, entry] of walkChangeset(pruned)) t.false(entry.kind === 'directory' && entry.opaque);
      t.deepEqual(outline(pruneUnchangedDirectories(base, pruned)), outline(pruned));
    }),
    { numRuns: 500 },
  );
});
