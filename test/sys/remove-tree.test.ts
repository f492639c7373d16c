import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { removeTree } from '../../src/sys/remove-tree.js';
import { bytePath } from '../../src/util/bytes.js';

const directory = mkdtempSync(join(tmpdir(), 'tsbuild-remove-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

test('names that are not UTF-8, directories without permissions, links that are not followed', async (t) => {
  const [tree, outside] = [join(directory, 'tree'), join(directory, 'outside')];
  mkdirSync(outside);
  writeFileSync(join(outside, 'kept'), '');
  mkdirSync(bytePath(`${tree}/dir-\xff/deep`), { recursive: true });
  writeFileSync(bytePath(`${tree}/dir-\xff/deep/\xfe\n`), '');
  symlinkSync(outside, join(tree, 'link'));
  symlinkSync('/absent', join(tree, 'dangling'));
  mkdirSync(join(tree, 'closed'));
  writeFileSync(join(tree, 'closed/file'), '');
  chmodSync(join(tree, 'closed'), 0);
  await removeTree(tree);
  t.false(existsSync(tree));
  t.deepEqual(readdirSync(outside), ['kept']);
});

test('an absent path is fine, a file is deleted, a link is deleted itself', async (t) => {
  await removeTree(join(directory, 'absent'));
  writeFileSync(join(directory, 'file'), '');
  symlinkSync('file', join(directory, 'to-file'));
  await removeTree(join(directory, 'to-file'));
  t.true(existsSync(join(directory, 'file')));
  await removeTree(join(directory, 'file'));
  t.false(existsSync(join(directory, 'file')));
});
