import test from 'ava';
import fc from 'fast-check';
import {
  changesetFromJson,
  changesetToJson,
  parseChangeset,
  serialiseChangeset,
} from '../../src/layers/changeset-json.js';
import type { Changeset, ChangesetEntry } from '../../src/layers/types.js';
import { describeChangeset } from '../helpers/describe-tree.js';
import { dir, file, symlink } from '../helpers/make-tree.js';
import { changesets } from '../helpers/tree-arbitraries.js';

test('a changeset read back is the same', (t) => {
  fc.assert(
    fc.property(changesets(), (changeset) => {
      t.deepEqual(
        describeChangeset(parseChangeset(serialiseChangeset(changeset))),
        describeChangeset(changeset),
      );
      const value: unknown = JSON.parse(JSON.stringify([...changesetToJson(changeset)]));
      t.true(Array.isArray(value) && describeChangeset(changesetFromJson(value)).length > 0);
    }),
    { numRuns: 300 },
  );
});

const group = {};
const sample: Changeset = {
  kind: 'directory',
  meta: undefined,
  opaque: false,
  entries: new Map<string, ChangesetEntry>([
    [
      'd',
      { kind: 'directory', meta: dir().meta, opaque: true, entries: new Map([['x', file('1', {}, group)]]) },
    ],
    ['e', file('1', { xattrs: new Map([['security.capability', Uint8Array.of(255, 0)]]) }, group)],
    ['\xff', symlink('\n')],
    ['h', { kind: 'hardlink', target: 'd/x', below: true }],
    ['w', { kind: 'whiteout' }],
  ]),
};

test('one record for each entry, between a head and a count', (t) => {
  const digest = 'sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b';
  t.deepEqual(
    [...serialiseChangeset(sample)],
    [
      '["tsbuild-changeset",1]',
      '["directory",0,"",0,0]',
      '["directory",1,"d",[493,0,0,"1"],1]',
      `["file",2,"x",[420,0,0,"1"],1,"${digest}",0]`,
      `["file",1,"e",[420,0,0,"1",[["security.capability","/wA="]]],1,"${digest}",0]`,
      '["hardlink",1,"h","d/x",1]',
      '["whiteout",1,"w"]',
      '["symlink",1,"\xff",[511,0,0,"1"],"\\n"]',
      '["end",7]',
    ],
  );
});

test('a changeset cut off anywhere is damaged', (t) => {
  const lines = [...serialiseChangeset(sample)];
  for (let count = 0; count < lines.length; count++) {
    t.throws(() => parseChangeset(lines.slice(0, count)), { code: 'store' });
  }
});

const head = '["tsbuild-changeset",1]';
const root = '["directory",0,"",0,0]';
const meta = '[493,0,0,"1"]';
const digest = `"sha256:${'0'.repeat(64)}"`;

const damaged = test.macro<string[]>({
  exec(t, ...lines: string[]) {
    const entries = lines.filter((line) => line !== head && !line.startsWith('["end"')).length;
    t.throws(() => parseChangeset([...lines, `["end",${entries}]`]), { name: 'TsbuildError', code: 'store' });
  },
  title: (title) => `damaged: ${title}`,
});

test('no head', damaged, root);
test('another version', damaged, '["tsbuild-changeset",2]', root);
test('no root', damaged, head);
test('two roots', damaged, head, root, root);
test('no JSON', damaged, head, root, '["whiteout",1,');
test('no list', damaged, head, root, '{"0":"whiteout"}');
test('an unknown kind', damaged, head, root, '["socket",1,"a"]');
test('a field too many', damaged, head, root, '["whiteout",1,"a",1]');
test('a field too few', damaged, head, root, `["symlink",1,"a",${meta}]`);
test('a depth without a parent', damaged, head, root, '["whiteout",2,"a"]');
test(
  'a parent that is closed',
  damaged,
  head,
  root,
  `["directory",1,"a",${meta},0]`,
  '["whiteout",1,"b"]',
  '["whiteout",2,"c"]',
);
test('an entry at depth 0', damaged, head, root, '["whiteout",0,"a"]');
test('a name twice', damaged, head, root, '["whiteout",1,"a"]', '["whiteout",1,"a"]');
for (const name of ['', '.', '..', 'a/b', 'a\\u0000', '\\u0100']) {
  test(`the name "${name}"`, damaged, head, root, `["whiteout",1,"${name}"]`);
}
test('a mode with other bits', damaged, head, root, `["directory",1,"a",[4096,0,0,"1"],0]`);
test('a negative uid', damaged, head, root, `["directory",1,"a",[493,-1,0,"1"],0]`);
test('a time that is no number', damaged, head, root, `["directory",1,"a",[493,0,0,"1.5"],0]`);
test('a file without metadata', damaged, head, root, `["file",1,"a",0,1,${digest}]`);
test('a size that is no integer', damaged, head, root, `["file",1,"a",${meta},1.5,${digest}]`);
test('a digest that is none', damaged, head, root, `["file",1,"a",${meta},1,"sha256:0"]`);
test(
  'an xattr that is no base64',
  damaged,
  head,
  root,
  `["directory",1,"a",[493,0,0,"1",[["user.a","?"]]],0]`,
);

test('a wrong count is damage', (t) => {
  t.throws(() => parseChangeset([head, root, '["end",2]']), { code: 'store' });
});

test('something after the end is damage', (t) => {
  t.throws(() => parseChangeset([head, root, '["end",1]', root]), { code: 'store' });
});
