import test from 'ava';
import { apply } from '../../src/layers/apply.js';
import { compose } from '../../src/layers/compose.js';
import { linkGroups } from '../../src/layers/link-groups.js';
import type { Changeset, Node } from '../../src/layers/types.js';
import { describeTree } from '../helpers/describe-tree.js';
import { change, hardlink, whiteout } from '../helpers/make-changeset.js';
import { dir, file, makeTree, outline, symlink } from '../helpers/make-tree.js';

const composes = test.macro({
  exec(t, lower: Changeset, upper: Changeset, expected: readonly string[]) {
    t.deepEqual(outline(compose(lower, upper)), expected);
  },
  title: (title = '') => title,
});

const opaque = { opaque: true } as const;

test('the upper entry wins', composes, change({ a: file('1') }), change({ a: file('2') }), [
  'a 644 0:0 @1 2',
]);
test(
  'a whiteout of a new file stays, for the tree below may have the name',
  composes,
  change({ a: file('1') }),
  change({ a: whiteout }),
  ['-a'],
);
test('a file in the place of a whiteout', composes, change({ a: whiteout }), change({ a: file('1') }), [
  'a 644 0:0 @1 1',
]);
test(
  'directories are united',
  composes,
  change({ d: change({ a: file('1') }) }),
  change({ d: change({ b: file('2') }) }),
  ['d/', 'd/a 644 0:0 @1 1', 'd/b 644 0:0 @1 2'],
);
test(
  'upper metadata wins over lower',
  composes,
  change({ d: change({}, { meta: dir().meta }) }),
  change({ d: change({}, { meta: dir({ mode: 0o700 }).meta }) }),
  ['d/ 700 0:0 @1'],
);
test(
  'lower metadata stays where the upper directory has none',
  composes,
  change({ d: change({}, { meta: dir({ mode: 0o700 }).meta }) }),
  change({ d: change() }),
  ['d/ 700 0:0 @1'],
);
test(
  'a directory over a whiteout is opaque and has metadata of its own',
  composes,
  change({ d: whiteout }),
  change({ d: change({ a: file('1') }) }),
  ['d/ 755 0:0 @0 opaque', 'd/a 644 0:0 @1 1'],
);
test(
  'a directory over a file is opaque',
  composes,
  change({ d: file('') }),
  change({ d: change({}, { meta: dir().meta }) }),
  ['d/ 755 0:0 @1 opaque'],
);
test(
  'an opaque upper directory hides the lower one and keeps its metadata',
  composes,
  change({ d: change({ a: file('1') }, { meta: dir({ mode: 0o700 }).meta }) }),
  change({ d: change({ b: file('2') }, opaque) }),
  ['d/ 700 0:0 @1 opaque', 'd/b 644 0:0 @1 2'],
);
test(
  'a whiteout in an opaque lower directory is not needed',
  composes,
  change({ d: change({ a: file('1') }, opaque) }),
  change({ d: change({ a: whiteout }) }),
  ['d/ opaque'],
);

const sameAs = test.macro({
  exec(
    t,
    base: Readonly<Record<string, Node>>,
    [lower, upper]: readonly [Changeset, Changeset],
    groups: readonly (readonly string[])[],
  ) {
    const tree = makeTree(base);
    const after = apply(tree, compose(lower, upper));
    t.deepEqual(describeTree(after), describeTree(apply(apply(tree, lower), upper)));
    t.deepEqual([...linkGroups(after).values()], groups);
  },
  title: (title) => `hard link: ${title}`,
});

test('to a lower file', sameAs, {}, [change({ a: file('1') }), change({ b: hardlink('a') })], [['a', 'b']]);
test(
  'several to one lower file',
  sameAs,
  {},
  [change({ a: file('1') }), change({ b: hardlink('a'), c: hardlink('a') })],
  [['a', 'b', 'c']],
);
test(
  'several to a lower file that is replaced',
  sameAs,
  {},
  [change({ a: file('1'), b: hardlink('a'), c: hardlink('a') }), change({ a: file('2') })],
  [['b', 'c']],
);
test(
  'to a lower hard link',
  sameAs,
  { x: file('1') },
  [change({ a: hardlink('x') }), change({ b: hardlink('a') })],
  [['a', 'b', 'x']],
);
test(
  'to a file below both, that the upper changeset replaces',
  sameAs,
  { x: file('1') },
  [change({ a: hardlink('x'), b: hardlink('x') }), change({ x: file('2') })],
  [['a', 'b']],
);
test(
  'to a file below both, that the upper changeset removes with its directory',
  sameAs,
  { 'd/x': file('1') },
  [change({ a: hardlink('d/x'), b: hardlink('d/x') }), change({ d: whiteout })],
  [['a', 'b']],
);
test(
  'to a name of a group below both, another name of which stays',
  sameAs,
  { x: file('1', {}, test), y: file('1', {}, test) },
  [change({ a: hardlink('x') }), change({ x: whiteout })],
  [['a', 'y']],
);
test('to a lower symbolic link', sameAs, {}, [change({ a: symlink('z') }), change({ b: hardlink('a') })], []);
test(
  'one changeset twice makes no links between the two',
  sameAs,
  {},
  [
    change({ a: file('1', {}, test), b: file('1', {}, test) }),
    change({ b: file('1', {}, test), c: file('1', {}, test) }),
  ],
  [['b', 'c']],
);

const refused = test.macro({
  exec(t, lower: Changeset, upper: Changeset, message: RegExp) {
    t.throws(() => compose(lower, upper), { name: 'TsbuildError', code: 'image', message });
  },
  title: (title) => `refused, a hard link ${title}`,
});

test(
  'to a name that the lower changeset removes',
  refused,
  change({ a: whiteout }),
  change({ b: hardlink('a') }),
  /does not exist/,
);
test(
  'to a directory of the lower changeset',
  refused,
  change({ a: change() }),
  change({ b: hardlink('a') }),
  /is a directory/,
);
