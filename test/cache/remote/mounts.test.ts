import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { TravellingMounts } from '../../../src/build/travelling-mounts.js';
import { noContent, type CacheContent, type KeptMount } from '../../../src/cache/remote/content.js';
import { FolderHost } from '../../../src/cache/remote/folder-host.js';
import { RemoteSource } from '../../../src/cache/remote/remote-source.js';
import type { OutgoingBlob } from '../../../src/cache/remote/storage.js';
import { TaggedStorage } from '../../../src/cache/remote/tagged-storage.js';
import type { CacheRequest } from '../../../src/executor/cache-mounts.js';
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
  const storage = new TaggedStorage(host, 'latest', () => undefined);
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
  const saved = await mounts.save('all', source);
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

it('caches of other ids, owners and namespaces do not meet, and a choice of ids is kept to', async (t) => {
  const folder = join(scratchOf(t, 'cache'), 'cache');
  const first = await runner(t, folder);
  await use(first, npm, (path) => writeFile(join(path, 'a'), '1'));
  await use(first, { ...npm, name: ['pip'] }, (path) => writeFile(join(path, 'b'), '2'));
  const saved = await first.mounts.save(new Set(['npm']), first.source);
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
