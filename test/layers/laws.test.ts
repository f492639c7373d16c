import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { apply } from '../../src/layers/apply.js';
import { compose } from '../../src/layers/compose.js';
import { diff } from '../../src/layers/diff.js';
import { emptyChangeset, isEmptyChangeset } from '../../src/layers/tree.js';
import type { Changeset, Tree } from '../../src/layers/types.js';
import { TsbuildError } from '../../src/util/errors.js';
import { describeChangeset, describeTree } from '../helpers/describe-tree.js';
import { changesets, trees } from '../helpers/tree-arbitraries.js';

const runs = { numRuns: 1000 };

/** Random hard links often lead nowhere; such a changeset is refused, which is no part of the laws. */
function applied(tree: Tree, changeset: Changeset): Tree | undefined {
  try {
    return apply(tree, changeset);
  } catch (error) {
    if (error instanceof TsbuildError && error.code === 'image') return undefined;
    throw error;
  }
}

/** One assertion for a difference only: thousands of them would cost more than the work. */
function same(t: ExecutionContext, actual: Tree, expected: Tree): void {
  const [a, b] = [describeTree(actual), describeTree(expected)];
  if (a.join('\n') === b.join('\n')) t.pass();
  else t.deepEqual(a, b);
}

test('apply(a, diff(a, b)) is b', (t) => {
  fc.assert(
    fc.property(trees, trees, (a, b) => {
      same(t, apply(a, diff(a, b)), b);
    }),
    runs,
  );
});

test('apply(a, diff(a, b)) is b where b is a changed a', (t) => {
  fc.assert(
    fc.property(trees, changesets(), (a, change) => {
      const b = applied(a, change);
      fc.pre(b !== undefined);
      same(t, apply(a, diff(a, b)), b);
    }),
    runs,
  );
});

test('apply(apply(t, c), d) is apply(t, compose(c, d))', (t) => {
  fc.assert(
    fc.property(trees, changesets(), changesets(), (tree, c, d) => {
      const first = applied(tree, c);
      fc.pre(first !== undefined);
      const both = applied(first, d);
      fc.pre(both !== undefined);
      same(t, apply(tree, compose(c, d)), both);
    }),
    runs,
  );
});

test('compose is associative in what it does', (t) => {
  fc.assert(
    fc.property(trees, changesets(), changesets(), changesets(), (tree, c, d, e) => {
      const step = applied(tree, c);
      const next = step && applied(step, d);
      const last = next && applied(next, e);
      fc.pre(last !== undefined);
      same(t, apply(tree, compose(compose(c, d), e)), last);
      same(t, apply(tree, compose(c, compose(d, e))), last);
    }),
    runs,
  );
});

test('diff(a, a) is empty', (t) => {
  fc.assert(
    fc.property(trees, (a) => {
      t.true(isEmptyChangeset(diff(a, a)));
      t.true(isEmptyChangeset(diff(a, structuredClone(a))));
    }),
    runs,
  );
});

test('neither apply nor compose nor diff changes what it is given', (t) => {
  fc.assert(
    fc.property(trees, changesets(), changesets(), (tree, c, d) => {
      const before = [describeTree(tree), describeChangeset(c), describeChangeset(d)].flat().join('\n');
      const first = applied(tree, c);
      fc.pre(first !== undefined && applied(first, d) !== undefined);
      compose(c, d);
      diff(tree, first);
      t.is([describeTree(tree), describeChangeset(c), describeChangeset(d)].flat().join('\n'), before);
    }),
    { numRuns: 300 },
  );
});

test('parts that a changeset does not touch are shared', (t) => {
  fc.assert(
    fc.property(trees, changesets({ hardLinks: false }), (tree, change) => {
      fc.pre(!change.opaque);
      const after = apply(tree, change);
      for (const [name, node] of tree.entries)
        if (!change.entries.has(name)) t.is(after.entries.get(name), node);
      t.is(apply(tree, emptyChangeset), tree);
    }),
    { numRuns: 200 },
  );
});
