import test from 'ava';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { storeRoot } from '../../src/store/root.js';
import { openStore } from '../../src/store/store.js';
import { TsbuildError } from '../../src/util/errors.js';
import { isRoot } from '../helpers/programs.js';
import { scratchOf } from '../helpers/stores.js';

const placed = test.macro({
  exec(t, env: Record<string, string>, expected: string) {
    t.is(storeRoot(env, '/home/u'), expected);
  },
  title: (name) => `the store is at ${name}`,
});
test('$TSBUILD_ROOT', placed, { TSBUILD_ROOT: '/a/b', XDG_DATA_HOME: '/x' }, '/a/b');
test('$XDG_DATA_HOME/tsbuild', placed, { TSBUILD_ROOT: '', XDG_DATA_HOME: '/x' }, '/x/tsbuild');
test(
  'the home when XDG_DATA_HOME is relative',
  placed,
  { XDG_DATA_HOME: 'x' },
  '/home/u/.local/share/tsbuild',
);
test('the home otherwise', placed, {}, '/home/u/.local/share/tsbuild');

test('a new store and its folders are for the user alone', async (t) => {
  const root = join(scratchOf(t), 'a/b');
  await openStore(root);
  for (const name of ['', 'tmp', 'blobs/sha256', 'references/v1', 'scratch', 'locks']) {
    t.is(statSync(join(root, name)).mode & 0o777, 0o700, name);
  }
});

test('several processes make one store at once', async (t) => {
  const root = join(scratchOf(t), 'root');
  const stores = await Promise.all(
    Array.from({ length: 8 }, async (_, i) => {
      const store = await openStore(root);
      await store.records('cache').put('ab'.repeat(32), i);
      return store;
    }),
  );
  t.is(stores.length, 8);
});

test('a store opens again', async (t) => {
  const root = join(scratchOf(t), 'root');
  const { digest } = await (await openStore(root)).blobs.put(Buffer.from('x'));
  t.deepEqual(await (await openStore(root)).blobs.has(digest), { size: 1 });
});

test('a store whose maker was killed before the version file is completed', async (t) => {
  const root = join(scratchOf(t), 'root');
  mkdirSync(join(root, 'tmp'), { recursive: true, mode: 0o700 });
  chmodSync(root, 0o700);
  writeFileSync(join(root, 'tmp/1-2-3-4'), '{"ver');
  await openStore(root);
  t.true(readdirSync(root).includes('blobs'));
});

const refused = test.macro({
  async exec(t, spoil: (root: string) => void, message: RegExp) {
    const root = join(scratchOf(t), 'root');
    spoil(root);
    const error = await t.throwsAsync(() => openStore(root), { instanceOf: TsbuildError });
    t.is(error?.code, 'store');
    t.regex(error?.message ?? '', message);
    t.truthy(error?.hint);
  },
  title: (name) => `refused: ${name}`,
});

test(
  'a symbolic link',
  refused,
  (root) => {
    mkdirSync(`${root}-real`, { mode: 0o700 });
    symlinkSync(`${root}-real`, root);
  },
  /symbolic link/,
);
test(
  'a folder that the group can write',
  refused,
  (root) => {
    mkdirSync(root);
    chmodSync(root, 0o770);
  },
  /other users/,
);
test(
  'a folder of something else',
  refused,
  (root) => {
    mkdirSync(join(root, 'Documents'), { recursive: true, mode: 0o700 });
    chmodSync(root, 0o700);
  },
  /neither empty nor a store/,
);
for (const text of ['{"version":2}', '{"version":', '[]', '{"__proto__":{"version":1}}']) {
  test(
    `the layout version ${text}`,
    refused,
    (root) => {
      mkdirSync(root, { mode: 0o700 });
      writeFileSync(join(root, 'tsbuild-store.json'), text);
    },
    /layout version|damaged version file/,
  );
}
test('a file', refused, (root) => writeFileSync(root, ''), /cannot open|not a folder/);
(isRoot ? test : test.skip)(
  "another user's folder (needs root)",
  refused,
  (root) => {
    mkdirSync(root, { mode: 0o700 });
    chownSync(root, 12345, 12345);
  },
  /belongs to user 12345/,
);

test('what killed processes left is deleted when the store is opened, what others use is not', async (t) => {
  const root = join(scratchOf(t), 'root');
  const store = await openStore(root);
  const mine = await store.scratchDirectory();
  const pidNamespace = /\d+/.exec(mine.slice(mine.lastIndexOf('/')))?.[0];
  const dead = join(root, 'scratch', `${pidNamespace}-${process.pid}-1-1`);
  mkdirSync(join(dead, 'work'), { recursive: true });
  writeFileSync(join(root, 'tmp', `${pidNamespace}-4194304999-5-1.7`), '');
  const elsewhere = join(root, 'tmp', '1-2-3-4');
  writeFileSync(elsewhere, '');
  await openStore(root);
  t.deepEqual(readdirSync(join(root, 'scratch')), [mine.slice(mine.lastIndexOf('/') + 1)]);
  t.deepEqual(readdirSync(join(root, 'tmp')), ['1-2-3-4']);
  t.true(lstatSync(elsewhere).isFile());
});
