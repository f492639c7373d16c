import test from 'ava';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDirectories } from '../../src/store/directories.js';
import { storeOf } from '../helpers/stores.js';

const fill = (text: string) => (path: string) => {
  writeFileSync(join(path, 'file'), text);
  return Promise.resolve();
};

test('a folder is published whole', async (t) => {
  const { directories, root } = await storeOf(t);
  t.is(await directories.get('a'), undefined);
  const path = await directories.create('a', async (data) => {
    t.deepEqual(await directories.list(), []);
    await fill('x')(data);
  });
  t.is(await directories.get('a'), path);
  t.is(readFileSync(join(path, 'file'), 'utf8'), 'x');
  t.deepEqual(await directories.list(), ['a']);
  t.deepEqual(readdirSync(join(root, 'tmp')), []);
});

test('a folder that could not be filled leaves nothing', async (t) => {
  const { directories, root } = await storeOf(t);
  await t.throwsAsync(() => directories.create('a', () => Promise.reject(new Error('no'))), {
    message: 'no',
  });
  t.is(await directories.get('a'), undefined);
  t.deepEqual(readdirSync(join(root, 'tmp')), []);
});

test('of several makers one wins and all get its folder', async (t) => {
  const { directories, root } = await storeOf(t);
  const paths = await Promise.all(['1', '2', '3', '4'].map((text) => directories.create('a', fill(text))));
  t.is(new Set(paths).size, 1);
  t.deepEqual(readdirSync(join(root, 'directories/v1')), ['a']);
  t.deepEqual(readdirSync(join(root, 'tmp')), []);
});

test('a folder is taken over by renaming; one published already wins', async (t) => {
  const { directories, scratchDirectory } = await storeOf(t).then((store) => ({
    directories: store.directories,
    scratchDirectory: () => store.scratchDirectory(),
  }));
  const [first, second] = [await scratchDirectory(), await scratchDirectory()];
  writeFileSync(join(first, 'file'), '1');
  writeFileSync(join(second, 'file'), '2');
  const path = await directories.adopt('a', first);
  t.is(await directories.adopt('a', second), path);
  t.is(readFileSync(join(path, 'file'), 'utf8'), '1');
  t.false(existsSync(first));
  t.false(existsSync(second));
});

test('a folder of an earlier boot is made again unless it was synchronised', async (t) => {
  const { root } = await storeOf(t);
  const before = openDirectories(root, 'boot-1');
  await before.create('kept', fill('1'));
  t.true(before.hasUnsynced());
  await before.markSynced();
  t.false(before.hasUnsynced());
  await before.create('lost', fill('1'));
  const after = openDirectories(root, 'boot-2');
  t.truthy(await after.get('kept'));
  t.is(await after.get('lost'), undefined);
  t.deepEqual(await after.list(), ['kept']);
  const path = await after.create('lost', fill('2'));
  t.is(readFileSync(join(path, 'file'), 'utf8'), '2');
});

test('closing the store synchronises what this process published', async (t) => {
  const store = await storeOf(t);
  await store.directories.create('a', fill('1'));
  await store.close();
  t.truthy(await openDirectories(store.root, 'another boot').get('a'));
});

test('what has no data or no boot id is not a published folder', async (t) => {
  const { directories, root } = await storeOf(t);
  mkdirSync(join(root, 'directories/v1/a/data'), { recursive: true });
  writeFileSync(join(root, 'directories/v1/b'), '');
  t.is(await directories.get('a'), undefined);
  t.is(await directories.get('b'), undefined);
  t.deepEqual(await directories.list(), []);
});

for (const wrong of ['..', '.', 'a/b', '', '.x', 'x'.repeat(201)]) {
  test(`no name of a folder: ${JSON.stringify(wrong.slice(0, 10))}`, async (t) => {
    const { directories } = await storeOf(t);
    await t.throwsAsync(() => directories.get(wrong), { message: /name/ });
    await t.throwsAsync(() => directories.delete(wrong), { message: /name/ });
  });
}
