import { chmod, lstat, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { makeFolders } from '../../src/sys/make-folders.js';
import { makeScratch, removeScratch } from '../helpers/scratch.js';

const folder = makeScratch('make-folders');
test.after.always(() => removeScratch(folder));
let count = 0;

async function scratchFolder(): Promise<string> {
  const path = join(folder, String(count++));
  await mkdir(path);
  return path;
}

test('all missing folders are made, and the topmost is named', async (t) => {
  const root = await scratchFolder();
  t.is(await makeFolders(join(root, 'a/b/c'), 0o700), join(root, 'a'));
  t.is((await lstat(join(root, 'a/b/c'))).mode & 0o777, 0o700);
  t.is(await makeFolders(join(root, 'a/b/d')), join(root, 'a/b/d'));
});

test('a folder that is there stays as it is, by way of a link too', async (t) => {
  const root = await scratchFolder();
  await mkdir(join(root, 'there'));
  await chmod(join(root, 'there'), 0o711);
  await symlink('there', join(root, 'link'));
  t.is(await makeFolders(join(root, 'link'), 0o700), undefined);
  t.is((await lstat(join(root, 'there'))).mode & 0o777, 0o711);
});

test('many at once make one folder', async (t) => {
  const root = await scratchFolder();
  await t.notThrowsAsync(Promise.all(Array.from({ length: 20 }, () => makeFolders(join(root, 'x/y/z')))));
});

test('what is no folder is not taken for one', async (t) => {
  const root = await scratchFolder();
  await writeFile(join(root, 'file'), '');
  await t.throwsAsync(makeFolders(join(root, 'file')), { code: 'EEXIST' });
  await t.throwsAsync(makeFolders(join(root, 'file/a/b')), { code: 'ENOTDIR' });
});

test('where nothing can be made it fails, and ends', async (t) => {
  await t.throwsAsync(makeFolders('/proc/nothing/here'), { code: 'ENOENT' });
});
