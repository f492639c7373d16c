import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  lutimesSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { isSound, sealDirectory } from '../../src/layers/directory-seal.js';
import { readDirectoryForm } from '../../src/layers/walk-directory.js';
import type { Changeset } from '../../src/layers/types.js';
import type { Directories } from '../../src/store/directories.js';
import { storeOf } from '../helpers/stores.js';

interface Published {
  readonly directories: Directories;
  readonly path: string;
  /** Whether it still counts. */
  readonly check: () => Promise<boolean>;
  /** How often the layer was asked for: what a look at times costs nothing of. */
  readonly compared: () => number;
}

/** A folder of files, published and sealed, with the changeset that it is a form of. */
async function published(t: ExecutionContext): Promise<Published> {
  const { directories } = await storeOf(t);
  const path = await directories.create('layer', async (data) => {
    await mkdir(join(data, 'folder'));
    writeFileSync(join(data, 'folder/file'), 'text');
    writeFileSync(join(data, 'top'), 'top');
    symlinkSync('top', join(data, 'link'));
    utimesSync(join(data, 'folder/file'), 1000, 1000);
  });
  const directory = { path, namespace: 'trusted' } as const;
  const changeset: Changeset = { ...(await readDirectoryForm(directory)).changeset, meta: undefined };
  await sealDirectory(directories, 'layer', path);
  let count = 0;
  const compare = (): Promise<Changeset> => {
    count += 1;
    return Promise.resolve(changeset);
  };
  const check = () => isSound(directories, 'layer', { directory, changeset: compare });
  return { directories, path, check, compared: () => count };
}

test('what nobody touched is known by its times alone', async (t) => {
  const { path, check, compared } = await published(t);
  readFileSync(join(path, 'folder/file'));
  t.true(await check());
  t.is(compared(), 0);
});

const damages: Readonly<Record<string, (path: string) => void>> = {
  'a file with more bytes': (path) => appendFileSync(join(path, 'top'), 'x'),
  'a file with a flipped bit, its size and mtime restored': (path) => {
    writeFileSync(join(path, 'folder/file'), 'texu');
    utimesSync(join(path, 'folder/file'), 1000, 1000);
  },
  'a file that is replaced': (path) => {
    writeFileSync(join(path, 'other'), 'tex5');
    utimesSync(join(path, 'other'), 1000, 1000);
    renameSync(join(path, 'other'), join(path, 'folder/file'));
  },
  'a file that is gone': (path) => unlinkSync(join(path, 'top')),
  'a folder that is gone': (path) => rmSync(join(path, 'folder'), { recursive: true }),
  'all of it is gone': (path) => rmSync(path, { recursive: true }),
  'a file that was added': (path) => writeFileSync(join(path, 'folder/new'), ''),
  'a mode': (path) => chmodSync(join(path, 'top'), 0o777),
  'an mtime': (path) => utimesSync(join(path, 'top'), 5, 5),
  'another target of a link': (path) => {
    unlinkSync(join(path, 'link'));
    symlinkSync('folder', join(path, 'link'));
  },
  'a link that became a file': (path) => {
    unlinkSync(join(path, 'link'));
    writeFileSync(join(path, 'link'), '');
  },
};
for (const [title, damage] of Object.entries(damages)) {
  test(`noticed: ${title}`, async (t) => {
    const { path, check } = await published(t);
    damage(path);
    t.false(await check());
    t.false(await check(), 'not sealed as it is now');
  });
}

test('other times with the same content are compared once', async (t) => {
  const { path, check, compared } = await published(t);
  linkSync(join(path, 'top'), join(path, '../outside'));
  lutimesSync(join(path, 'link'), 7, 7);
  t.true(await check());
  t.true(await check());
  t.is(compared(), 1);
});

test('a copy of a folder, as when a store is moved, is compared once', async (t) => {
  const { path, check, compared } = await published(t);
  const copy = `${path}-copy`;
  execFileSync('cp', ['-a', path, copy]);
  rmSync(path, { recursive: true });
  renameSync(copy, path);
  t.true(await check());
  t.true(await check());
  t.is(compared(), 1);
});

test('a torn seal is none', async (t) => {
  const { directories, check, compared } = await published(t);
  await directories.seal('layer', '17');
  t.true(await check());
  t.is(compared(), 1);
});
