import test from 'ava';
import { chmodSync, existsSync, linkSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { diskSize } from '../../src/store/disk-size.js';
import { removeTree } from '../../src/store/remove-tree.js';
import { scratchOf } from '../helpers/stores.js';

test('names that are not UTF-8, folders without permissions and links are deleted, targets are not', async (t) => {
  const scratch = scratchOf(t);
  const tree = join(scratch, 'tree');
  mkdirSync(join(tree, 'locked/inside'), { recursive: true });
  mkdirSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0xfe])]));
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0xfe, 0x2f, 0x80])]), 'x');
  writeFileSync(join(scratch, 'canary'), 'x');
  symlinkSync(scratch, join(tree, 'link'));
  symlinkSync(join(scratch, 'canary'), join(tree, 'file-link'));
  chmodSync(join(tree, 'locked'), 0);
  await removeTree(tree);
  t.deepEqual(readdirSync(scratch), ['canary']);
});

test('a tree deeper than any path may be is deleted', async (t) => {
  const scratch = scratchOf(t);
  const tree = join(scratch, 'tree');
  mkdirSync(tree);
  const back = process.cwd();
  process.chdir(tree);
  for (let i = 0; i < 300; i += 1) {
    mkdirSync('a-folder-with-a-long-name');
    process.chdir('a-folder-with-a-long-name');
    writeFileSync('file', 'x');
  }
  process.chdir(back);
  await removeTree(tree);
  t.deepEqual(readdirSync(scratch), []);
});

test('a file, a link and nothing at all are deleted', async (t) => {
  const scratch = scratchOf(t);
  writeFileSync(join(scratch, 'file'), 'x');
  symlinkSync('/nowhere', join(scratch, 'link'));
  for (const name of ['file', 'link', 'nothing']) await removeTree(join(scratch, name));
  t.false(existsSync(join(scratch, 'file')));
  t.deepEqual(readdirSync(scratch), []);
});

test('a file with two names counts once in the size of a tree', async (t) => {
  const scratch = scratchOf(t);
  writeFileSync(join(scratch, 'a'), Buffer.alloc(100_000, 1));
  const before = await diskSize(scratch);
  linkSync(join(scratch, 'a'), join(scratch, 'b'));
  t.is(await diskSize(scratch), before);
  t.true(before >= 100_000);
});
