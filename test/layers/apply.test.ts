import test from 'ava';
import { apply } from '../../src/layers/apply.js';
import { diff } from '../../src/layers/diff.js';
import { linkGroups } from '../../src/layers/link-groups.js';
import { emptyTree, lookup } from '../../src/layers/tree.js';
import type { Changeset, Node, Tree } from '../../src/layers/types.js';
import { change, hardlink, whiteout } from '../helpers/make-changeset.js';
import { dir, file, makeTree, outline, symlink } from '../helpers/make-tree.js';

function shown(tree: Tree): string[] {
  return outline(diff(emptyTree(tree.meta), tree));
}

const makes = test.macro({
  exec(t, base: Readonly<Record<string, Node>>, changeset: Changeset, expected: readonly string[]) {
    t.deepEqual(shown(apply(makeTree(base), changeset)), expected);
  },
  title: (title = '') => title,
});

test('a whiteout removes a file', makes, { a: file('1'), b: file('2') }, change({ a: whiteout }), [
  'b 644 0:0 @1 2',
]);
test(
  'a whiteout removes a directory with all below',
  makes,
  { 'a/b/c': file('1') },
  change({ a: whiteout }),
  [],
);
test('a whiteout of a name that is not there', makes, { a: file('1') }, change({ b: whiteout }), [
  'a 644 0:0 @1 1',
]);
test(
  'an opaque directory hides what was below and not its own entries',
  makes,
  { 'a/old': file('1'), 'a/both': file('1') },
  change({ a: change({ both: file('2'), new: file('3') }, { opaque: true }) }),
  ['a/ 755 0:0 @1', 'a/both 644 0:0 @1 2', 'a/new 644 0:0 @1 3'],
);
test('an opaque root hides everything', makes, { a: file('1') }, change({ b: file('2') }, { opaque: true }), [
  'b 644 0:0 @1 2',
]);
test(
  'a directory below an opaque one does not see the tree below',
  makes,
  { 'a/b/old': file('1') },
  change({ a: change({ b: change() }, { opaque: true }) }),
  ['a/ 755 0:0 @1', 'a/b/ 755 0:0 @0'],
);
test(
  'a directory without metadata keeps that of the tree',
  makes,
  { a: dir({ mode: 0o700, uid: 3, mtime: 9n }) },
  change({ a: change({ f: file('1') }) }),
  ['a/ 700 3:0 @9', 'a/f 644 0:0 @1 1'],
);
test('a directory without metadata where the tree has none is 0755 0:0', makes, {}, change({ a: change() }), [
  'a/ 755 0:0 @0',
]);
test(
  'a directory without metadata replaces a link and does not follow it',
  makes,
  { real: dir(), a: symlink('real') },
  change({ a: change({ f: file('1') }) }),
  ['a/ 755 0:0 @0', 'a/f 644 0:0 @1 1', 'real/ 755 0:0 @1'],
);
test(
  'a directory replaces a file',
  makes,
  { a: file('1') },
  change({ a: change({}, { meta: dir().meta }) }),
  ['a/ 755 0:0 @1'],
);
test('a file replaces a directory with all below', makes, { 'a/b': file('1') }, change({ a: file('2') }), [
  'a 644 0:0 @1 2',
]);
test(
  'a directory over a directory takes the new metadata and keeps what is below',
  makes,
  { 'a/b': file('1') },
  change({ a: change({}, { meta: dir({ mode: 0o711 }).meta }) }),
  ['a/ 711 0:0 @1', 'a/b 644 0:0 @1 1'],
);
test('the root takes metadata', (t) => {
  t.is(apply(makeTree(), change({}, { meta: dir({ mode: 0o555 }).meta })).meta.mode, 0o555);
});
test(
  'names of Object.prototype are names',
  makes,
  { constructor: file('1') } as Record<string, Node>,
  change({ ['__proto__']: file('2'), toString: whiteout }),
  ['__proto__ 644 0:0 @1 2', 'constructor 644 0:0 @1 1'],
);

const links = test.macro({
  exec(
    t,
    base: Readonly<Record<string, Node>>,
    changeset: Changeset,
    expected: readonly (readonly string[])[],
  ) {
    const after = apply(makeTree(base), changeset);
    t.deepEqual([...linkGroups(after).values()], expected);
  },
  title: (title) => `hard link: ${title}`,
});

test('to a file of the same layer', links, {}, change({ a: file('1'), b: hardlink('a') }), [['a', 'b']]);
test('to a later file', links, {}, change({ a: hardlink('z'), z: file('1') }), [['a', 'z']]);
test('to a file of the tree below', links, { a: file('1') }, change({ b: hardlink('/a') }), [['a', 'b']]);
test(
  'to a name of a group of the tree below',
  links,
  { a: file('1', {}, test), b: file('1', {}, test) },
  change({ c: hardlink('b') }),
  [['a', 'b', 'c']],
);
test(
  'to a link to a link',
  links,
  {},
  change({ a: hardlink('b'), b: hardlink('c'), c: file('1'), d: hardlink('a') }),
  [['a', 'b', 'c', 'd']],
);
test('to a link to the tree below', links, { x: file('1') }, change({ a: hardlink('b'), b: hardlink('x') }), [
  ['a', 'b', 'x'],
]);
test(
  'the file of the layer is meant, not the one that it replaces',
  links,
  { a: file('1'), old: file('1') },
  change({ a: file('2'), b: hardlink('a') }),
  [['a', 'b']],
);
test(
  'over a name of the tree below',
  links,
  { b: dir(), 'b/x': file('0') },
  change({ a: file('1'), b: hardlink('a') }),
  [['a', 'b']],
);
test(
  'behind a link of the tree below',
  links,
  { 'usr/lib/f': file('1'), lib: symlink('usr/lib') },
  change({ g: hardlink('lib/f') }),
  [['g', 'usr/lib/f']],
);
test('.. in a target stays inside', links, { a: file('1') }, change({ b: hardlink('../../a') }), [
  ['a', 'b'],
]);

test(
  'to a name of a group of the same layer',
  links,
  {},
  change({ a: file('1', {}, links), b: file('1', {}, links), c: hardlink('b') }),
  [['a', 'b', 'c']],
);

test('hard link to a symbolic link is that link', (t) => {
  const after = apply(makeTree({ s: symlink('x') }), change({ t: hardlink('s') }));
  t.deepEqual(after.entries.get('t'), symlink('x'));
});

const refused = test.macro({
  exec(t, base: Readonly<Record<string, Node>>, changeset: Changeset, message: RegExp) {
    t.throws(() => apply(makeTree(base), changeset), { name: 'TsbuildError', code: 'image', message });
  },
  title: (title) => `refused, a hard link ${title}`,
});

test(
  'to nothing',
  refused,
  {},
  change({ a: hardlink('b') }),
  /the target "\/b" of the hard link "\/a" does not exist/,
);
test('to itself', refused, {}, change({ a: hardlink('a') }), /leads back to itself/);
test('in a circle', refused, {}, change({ a: hardlink('b'), b: hardlink('a') }), /leads back to itself/);
test('to a directory of the layer', refused, {}, change({ a: hardlink('d'), d: change() }), /is a directory/);
test(
  'to a directory of the tree below',
  refused,
  { d: dir() },
  change({ a: hardlink('d') }),
  /is a directory/,
);
test(
  'to a file that the layer removes',
  refused,
  { b: file('1') },
  change({ a: hardlink('b'), b: whiteout }),
  /does not exist/,
);
test(
  'to a file that an opaque directory hides',
  refused,
  { 'd/b': file('1') },
  change({ a: hardlink('d/b'), d: change({}, { opaque: true }) }),
  /does not exist/,
);
test('to the root', refused, {}, change({ a: hardlink('/') }), /is a directory/);
test('behind a loop of links', refused, { l: symlink('l') }, change({ a: hardlink('l/x') }), /loop/);
test(
  'below another hard link',
  refused,
  { f: file('1') },
  change({ a: hardlink('f'), b: hardlink('a/x') }),
  /does not exist/,
);

test('replacing one name of a group leaves the others a group', (t) => {
  const base = makeTree({ a: file('1', {}, test), b: file('1', {}, test), c: file('1', {}, test) });
  const after = apply(base, change({ b: file('2') }));
  t.deepEqual([...linkGroups(after).values()], [['a', 'c']]);
});

test('a changeset applied a second time makes no links to the first', (t) => {
  const group = {};
  const layer = change({ a: file('1', {}, group), b: file('1', {}, group) });
  const once = apply(makeTree(), layer);
  const name = lookup(once, 'a');
  const moved = apply(once, change(name?.kind === 'file' ? { c: name } : {}));
  const twice = apply(moved, layer);
  t.is(twice.entries.size, 3);
  t.deepEqual([...linkGroups(twice).values()], [['a', 'b']]);
});
