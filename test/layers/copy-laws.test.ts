import test from 'ava';
import fc from 'fast-check';
import { apply } from '../../src/layers/apply.js';
import { contentDigest, identityDigest } from '../../src/layers/content-digest.js';
import { emptyTree, isEmptyChangeset, lookup } from '../../src/layers/tree.js';
import type { Node, Tree } from '../../src/layers/types.js';
import { copyTree } from '../helpers/copying.js';
import { trees } from '../helpers/tree-arbitraries.js';

const keep = { options: { defaultOwner: 'keep', stripXattrs: false } } as const;

/** The node with the metadata of a directory that COPY makes. */
function asDestination(node: Tree): Tree {
  return { ...node, meta: { mode: 0o755, uid: 0, gid: 0, mtime: node.meta.mtime } };
}

function at(tree: Tree, path: string): Node {
  const node = lookup(tree, path);
  if (node === undefined) throw new Error(`${path} is missing`);
  return node;
}

test('a whole tree copied from a stage is the same but for its root', (t) => {
  fc.assert(
    fc.property(trees, (source) => {
      const after = apply(emptyTree(), copyTree(emptyTree(), source, { words: ['/'], to: '/x/y', ...keep }));
      t.is(identityDigest(at(after, 'x/y')), identityDigest(asDestination(source)));
    }),
    { numRuns: 300 },
  );
});

test('copying the same again changes nothing', (t) => {
  fc.assert(
    fc.property(trees, (source) => {
      const input = { words: ['.'], to: '/x', ...keep };
      const once = apply(emptyTree(), copyTree(emptyTree(), source, input));
      t.true(isEmptyChangeset(copyTree(once, source, input)));
    }),
    { numRuns: 300 },
  );
});

test('what is copied elsewhere does not change the rest of the tree', (t) => {
  fc.assert(
    fc.property(trees, trees, (base, source) => {
      const after = apply(base, copyTree(base, source, { words: ['.'], to: '/new' }));
      const rest = new Map([...after.entries].filter(([name]) => name !== 'new'));
      t.is(contentDigest({ ...after, entries: rest }), contentDigest(base));
    }),
    { numRuns: 300 },
  );
});
