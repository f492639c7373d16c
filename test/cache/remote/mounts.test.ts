import { existsSync } from 'node:fs';
import {
  chmod,
  chown,
  lchown,
  link,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { TravellingMounts } from '../../../src/build/travelling-mounts.js';
import { noContent, type CacheContent, type KeptMount } from '../../../src/cache/remote/content.js';
import { FolderHost } from '../../../src/cache/remote/folder-host.js';
import { RemoteSource } from '../../../src/cache/remote/remote-source.js';
import type { OutgoingBlob } from '../../../src/cache/remote/storage.js';
import { TaggedStorage } from '../../../src/cache/remote/tagged-storage.js';
import type { CacheRequest } from '../../../src/executor/cache-mounts.js';
import { serialiseChangeset } from '../../../src/layers/changeset-json.js';
import { readDirectoryForm } from '../../../src/layers/walk-directory.js';
import { applyAttributes } from '../../../src/sys/attributes.js';
import { isRoot } from '../../helpers/programs.js';
import { noise, recordedJob, type RecordedJob } from '../../helpers/registry-values.js';
import { scratchOf, storeOf } from '../../helpers/stores.js';
import { toByteString } from '../../../src/util/bytes.js';

const test = anyTest as TestFn;
/** Owners of files can be set by root only. */
const it = isRoot ? test : test.skip;

const npm: CacheRequest = { name: ['npm'], sharing: 'shared', mode: 0o755, uid: 0, gid: 0, reset: false };

interface Runner {
  readonly mounts: TravellingMounts;
  readonly source: RemoteSource;
  readonly job: RecordedJob;
  /** Bytes of the blobs that were sent. */
  sent(): number;
}

/** A runner with nothing on it. */
async function runner(t: ExecutionContext, folder: string): Promise<Runner> {
  const job = recordedJob();
  const host = new FolderHost(folder);
  const storage = new TaggedStorage(host, { tag: 'latest', onWarning: () => undefined });
  let sent = 0;
  const counted = Object.create(storage, {
    put: {
      value: (blob: OutgoingBlob) => {
        sent += blob.descriptor.size;
        return storage.put(blob);
      },
    },
    name: { value: folder },
    load: { value: () => storage.load() },
    open: { value: (blob: OutgoingBlob['descriptor']) => storage.open(blob) },
    add: { value: (content: CacheContent) => storage.add(content) },
  }) as TaggedStorage;
  const source = new RemoteSource(counted, job);
  const store = await storeOf(t);
  const root = toByteString(join(scratchOf(t, 'mounts'), 'mounts'));
  return {
    mounts: new TravellingMounts(root, '', { store, job, sources: [source] }),
    source,
    job,
    sent: () => sent,
  };
}

async function use<T>(
  { mounts }: Runner,
  request: CacheRequest,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const held = await mounts.hold([request], new AbortController().signal);
  try {
    return await work(held.paths[0] ?? '');
  } finally {
    held.release();
  }
}

async function save({ mounts, source }: Runner): Promise<readonly KeptMount[]> {
  const saved = await mounts.save({ mounts: 'all', mountLimit: 2 ** 30 }, source);
  if (saved.length > 0)
    await source.storage.add({ ...noContent, mounts: new Map(saved.map((mount) => [mount.name, mount])) });
  return saved;
}

it('a runner starts with the folder of the one before, and sends what it changed', async (t) => {
  const folder = join(scratchOf(t, 'cache'), 'cache');
  const first = await runner(t, folder);
  await use(first, npm, async (path) => {
    await mkdir(join(path, 'deep/er'), { recursive: true });
    for (let i = 0; i < 60; i++) await writeFile(join(path, `package-${i}`), noise(300_000, i + 1));
    await writeFile(join(path, 'deep/er/script'), '#!/bin/sh\n', { mode: 0o755 });
    await symlink('package-0', join(path, 'link'));
    await utimes(join(path, 'deep/er'), 1_000_000_000, 1_000_000_000);
  });
  await save(first);
  t.true(first.sent() > 18_000_000);

  const second = await runner(t, folder);
  await use(second, npm, async (path) => {
    t.true((await readFile(join(path, 'package-7'))).equals(noise(300_000, 8)));
    t.true((await readFile(join(path, 'link'))).equals(noise(300_000, 1)));
    t.is((await stat(join(path, 'deep/er/script'))).mode & 0o7777, 0o755);
    t.is((await stat(join(path, 'deep/er'))).mtimeMs, 1_000_000_000_000);
    await writeFile(join(path, 'package-5'), noise(300_000, 99));
  });
  await save(second);
  t.true(second.sent() < 5_000_000, `${second.sent()} bytes were sent for 300 kB that changed`);

  const third = await runner(t, folder);
  await use(third, npm, async (path) =>
    t.true((await readFile(join(path, 'package-5'))).equals(noise(300_000, 99))),
  );
  t.deepEqual(await save(third), []);
  t.is(third.sent(), 0);
});

/** 1,500 files of 10 kB in 300 folders. */
const filePath = (i: number): string => `d${i % 300}/f${i}`;

it('1 % of many small files that are new, changed or touched is sent as about 1 %', async (t) => {
  const folder = join(scratchOf(t, 'cache'), 'cache');
  const first = await runner(t, folder);
  await use(first, npm, async (path) => {
    for (let i = 0; i < 300; i++) await mkdir(join(path, `d${i}`));
    for (let i = 0; i < 1500; i++) await writeFile(join(path, filePath(i)), noise(10_000, i + 1));
  });
  await save(first);
  t.true(first.sent() > 15_000_000);

  const changes: readonly [name: string, most: number, work: (path: string, i: number) => Promise<void>][] = [
    [
      'new',
      700_000,
      (path, i) => writeFile(join(path, filePath(i * 100 + 1_000_001)), noise(10_000, -i - 1)),
    ],
    ['changed', 700_000, (path, i) => writeFile(join(path, filePath(i * 100)), noise(10_000, -i - 100))],
    ['touched', 500_000, (path, i) => utimes(join(path, filePath(i * 100 + 1)), i, i)],
    ['removed', 500_000, (path, i) => rm(join(path, filePath(i * 100 + 2)))],
  ];
  for (const [name, most, work] of changes) {
    const next = await runner(t, folder);
    await use(next, npm, async (path) => {
      for (let i = 0; i < 15; i++) await work(path, i);
    });
    t.is((await save(next)).length, 1);
    t.log(`${name}: ${next.sent()} bytes`);
    t.true(next.sent() < most, `${name}: ${next.sent()} bytes were sent`);
  }

  const last = await runner(t, folder);
  await use(last, npm, async (path) => {
    t.true((await readFile(join(path, filePath(1_000_001)))).equals(noise(10_000, -1)));
    t.true((await readFile(join(path, filePath(100)))).equals(noise(10_000, -101)));
    t.is((await stat(join(path, filePath(101)))).mtimeMs, 1000);
    t.false(existsSync(join(path, filePath(102))));
    t.is((await readdir(path, { recursive: true })).length, 300 + 1500 + 15 - 15);
  });
});

it('a large file that changed in one place is sent in part', async (t) => {
  const folder = join(scratchOf(t, 'cache'), 'cache');
  const bytes = noise(20_000_000);
  const first = await runner(t, folder);
  await use(first, npm, (path) => writeFile(join(path, 'database'), bytes));
  await save(first);
  const second = await runner(t, folder);
  const changed = Buffer.concat([
    bytes.subarray(0, 9_000_000),
    Buffer.from('more'),
    bytes.subarray(9_000_100),
  ]);
  await use(second, npm, (path) => writeFile(join(path, 'database'), changed));
  await save(second);
  t.true(second.sent() < 6_000_000, `${second.sent()} bytes were sent`);
  await use(await runner(t, folder), npm, async (path) =>
    t.true((await readFile(join(path, 'database'))).equals(changed)),
  );
});

it('owners, modes, times, links, attributes and empty folders are what they were', async (t) => {
  const folder = join(scratchOf(t, 'cache'), 'cache');
  const first = await runner(t, folder);
  let before: unknown;
  await use(first, { ...npm, uid: 33, gid: 44, mode: 0o1770 }, async (path) => {
    await writeFile(join(path, 'file'), 'content');
    await chown(join(path, 'file'), 1000, 1001);
    await chmod(join(path, 'file'), 0o4751);
    await link(join(path, 'file'), join(path, 'second name'));
    await symlink('nowhere', join(path, 'dangling'));
    await lchown(join(path, 'dangling'), 5, 6);
    await mkdir(join(path, 'empty'), { mode: 0o700 });
    await writeFile(join(path, 'zero'), '');
    const xattrs = new Map([['user.note', Buffer.from([0, 255, 10])]]);
    await applyAttributes([{ path: join(path, 'file'), xattrs }]);
    await utimes(join(path, 'empty'), 12, 12);
    await utimes(path, 1_234_567, 1_234_567);
    before = await facts(path);
  });
  await save(first);
  const second = await runner(t, folder);
  await use(second, { ...npm, uid: 33, gid: 44, mode: 0o1770 }, async (path) => {
    t.deepEqual(await facts(path), before);
    t.is((await stat(join(path, 'file'))).ino, (await stat(join(path, 'second name'))).ino);
  });
  t.deepEqual(await save(second), []);
});

/** What is said of everything below a folder, and of itself. */
async function facts(path: string): Promise<unknown> {
  const form = await readDirectoryForm({ path, namespace: 'trusted' });
  return [...serialiseChangeset(form.changeset)];
}

it('who wants a folder while it is saved waits, and what is saved is from before', async (t) => {
  const folder = join(scratchOf(t, 'cache'), 'cache');
  const first = await runner(t, folder);
  await use(first, npm, (path) => writeFile(join(path, 'a'), noise(8_000_000)));
  const saving = save(first);
  const writers = Array.from({ length: 5 }, (_, i) =>
    use(first, npm, (path) => writeFile(join(path, `later-${i}`), noise(100_000, i + 2))),
  );
  await Promise.all([saving, ...writers]);
  const second = await runner(t, folder);
  await use(second, npm, async (path) => {
    t.true((await readFile(join(path, 'a'))).equals(noise(8_000_000)));
    for (const name of await readdir(path))
      t.true([8_000_000, 100_000].includes((await stat(join(path, name))).size));
  });
  t.deepEqual([...first.job.warnings, ...second.job.warnings], []);
});

it('a folder beyond the limit is not saved, with a warning; the one before stays', async (t) => {
  const folder = join(scratchOf(t, 'cache'), 'cache');
  const first = await runner(t, folder);
  await use(first, npm, (path) => writeFile(join(path, 'a'), noise(5000)));
  await save(first);
  const second = await runner(t, folder);
  await use(second, npm, (path) => writeFile(join(path, 'b'), noise(6000, 2)));
  t.deepEqual(await second.mounts.save({ mounts: 'all', mountLimit: 10_000 }, second.source), []);
  t.is(second.sent(), 0);
  t.regex(
    second.job.warnings.join(),
    /"npm" was not saved: it has 11000 bytes, more than max-mount-size=10000/,
  );
  await use(await runner(t, folder), npm, async (path) => t.deepEqual(await readdir(path), ['a']));
});

it('caches of other ids, owners and namespaces do not meet, and a choice of ids is kept to', async (t) => {
  const folder = join(scratchOf(t, 'cache'), 'cache');
  const first = await runner(t, folder);
  await use(first, npm, (path) => writeFile(join(path, 'a'), '1'));
  await use(first, { ...npm, name: ['pip'] }, (path) => writeFile(join(path, 'b'), '2'));
  const saved = await first.mounts.save({ mounts: new Set(['npm']), mountLimit: 2 ** 30 }, first.source);
  t.is(saved.length, 1);
  await save(first);
  const second = await runner(t, folder);
  await use(second, { ...npm, uid: 1000 }, (path) => Promise.resolve(t.false(existsSync(join(path, 'a')))));
  await use(second, { ...npm, name: ['pip'] }, (path) =>
    Promise.resolve(t.true(existsSync(join(path, 'b')))),
  );
});

it('a damaged folder is an empty one with a warning', async (t) => {
  const folder = join(scratchOf(t, 'cache'), 'cache');
  const first = await runner(t, folder);
  await use(first, npm, (path) => writeFile(join(path, 'a'), noise(5000)));
  const [saved] = await save(first);
  const chunk = saved?.chunks[0]?.blob.digest ?? '';
  await writeFile(join(folder, 'blobs/sha256', chunk.slice('sha256:'.length)), 'no chunk');
  const second = await runner(t, folder);
  await use(second, { ...npm, mode: 0o700 }, () => Promise.resolve());
  await use(second, npm, async (path) => {
    t.false(existsSync(join(path, 'a')));
    await writeFile(join(path, 'usable'), '');
  });
  t.is(second.job.warnings.length, 1);
  t.regex(second.job.warnings[0] ?? '', /cache mount "npm" was not restored/);
});
