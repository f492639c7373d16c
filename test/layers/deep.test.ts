import test from 'ava';
import { apply } from '../../src/layers/apply.js';
import { asAddition, clampTimes, walkChangeset } from '../../src/layers/changeset.js';
import { parseChangeset, serialiseChangeset } from '../../src/layers/changeset-json.js';
import { compose } from '../../src/layers/compose.js';
import { changesetIdentity, contentDigest } from '../../src/layers/content-digest.js';
import { copyArchive } from '../../src/layers/copy-archive.js';
import { diff } from '../../src/layers/diff.js';
import { pruneUnchangedDirectories } from '../../src/layers/prune.js';
import { resolve } from '../../src/layers/resolve.js';
import { select } from '../../src/layers/select.js';
import { emptyTree, isEmptyChangeset, treeStats } from '../../src/layers/tree.js';
import type { Directory, Node } from '../../src/layers/types.js';
import { copyTree } from '../helpers/copying.js';
import { dir, file } from '../helpers/make-tree.js';

const levels = 10_000;

function deep(leaf: Node): Directory {
  let node: Directory = { ...dir(), entries: new Map([['d', leaf]]) };
  for (let level = 1; level < levels; level++) node = { ...dir(), entries: new Map([['d', node]]) };
  return node;
}

const tree = deep(file('1', {}, test));
const other = deep(file('2'));
const path = Array.from({ length: levels }, () => 'd').join('/');

// Foreign archives may nest directories without end: nothing may overflow the stack.

test('apply, diff and compose of deep trees', (t) => {
  const forth = diff(tree, other);
  const back = diff(other, tree);
  t.true(isEmptyChangeset(diff(tree, apply(tree, compose(forth, back)))));
});

test('digests of deep trees', (t) => {
  t.not(contentDigest(tree), contentDigest(other));
  t.is(changesetIdentity(asAddition(tree)), changesetIdentity(asAddition(deep(file('1', {}, test)))));
});

test('a deep changeset is stored and read', (t) => {
  const addition = asAddition(tree);
  t.is(changesetIdentity(parseChangeset(serialiseChangeset(addition))), changesetIdentity(addition));
});

test('deep trees are pruned, clamped, walked and counted', (t) => {
  t.true(isEmptyChangeset(pruneUnchangedDirectories(tree, asAddition(tree))));
  const addition = asAddition(other);
  t.is(clampTimes(addition, 1n), addition);
  t.is(Array.from(walkChangeset(asAddition(tree))).length, levels);
  t.deepEqual(treeStats(tree), { entries: levels, files: 1, bytes: 1 });
});

test('deep trees are selected, copied and unpacked', (t) => {
  t.is(resolve(tree, path).node?.kind, 'file');
  t.is(select(tree, '**/nothing', { parents: true, exclude: () => false }).length, 1);
  const copied = copyTree(emptyTree(), tree, { words: ['.'], to: '/', exclude: (at) => at === 'x' });
  t.is(treeStats(apply(emptyTree(), copied)).entries, levels);
  const unpacked = copyArchive(emptyTree(), tree, { destination: '/', workdir: '/', now: 0n });
  t.is(treeStats(apply(emptyTree(), unpacked)).entries, levels);
});
