import test from 'ava';
import fc from 'fast-check';
import { TreeEditor } from '../../src/layers/editor.js';
import { lookup } from '../../src/layers/tree.js';
import type { Node, Tree } from '../../src/layers/types.js';
import { describeTree } from '../helpers/describe-tree.js';
import { dir, file, makeTree } from '../helpers/make-tree.js';
import { trees } from '../helpers/tree-arbitraries.js';

/** `set` without any sharing of work: a new map on every level. */
function replaced(tree: Tree, names: readonly string[], node: Node): Tree {
  const [name, ...rest] = names;
  if (name === undefined) return tree;
  const child = tree.entries.get(name);
  const next = rest.length > 0 && child?.kind === 'directory' ? replaced(child, rest, node) : node;
  return { ...tree, entries: new Map([...tree.entries, [name, next]]) };
}

const names = fc.constantFrom('a', 'b');
const places = fc.array(names, { minLength: 1, maxLength: 4 });
const changes = fc.array(fc.tuple(places, fc.oneof(fc.constant(file('x')), fc.constant(dir()), trees)), {
  maxLength: 30,
});

test('many changes are the same as one copy for each, and leave what was given alone', (t) => {
  fc.assert(
    fc.property(trees, changes, (tree, list) => {
      const before = describeTree(tree).join('\n');
      const editor = new TreeEditor(tree);
      let expected = tree;
      for (const [path, node] of list) {
        if (lookup(expected, path.slice(0, -1).join('/'))?.kind !== 'directory') continue;
        editor.set(path.join('/'), node);
        expected = replaced(expected, path, node);
        t.is(editor.get(`/${path.join('//')}`)?.kind, node.kind);
      }
      t.is(describeTree(editor.root).join('\n'), describeTree(expected).join('\n'));
      t.is(describeTree(tree).join('\n'), before);
    }),
    { numRuns: 500 },
  );
});

test('a place that cannot be is a bug', (t) => {
  const editor = new TreeEditor(makeTree({ a: file('') }));
  t.throws(() => editor.set('a/b', file('')), { message: /no directory "a"/ });
  t.throws(() => editor.set('/', file('')), { message: /the root/ });
});
