/** Folders of RUN --mount=type=cache: names, first contents, sharing between users and processes. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { CacheMounts, type CacheRequest } from '../../src/executor/cache-mounts.js';
import { cacheMountUsage, pruneCacheMounts } from '../../src/executor/cache-mounts-prune.js';
import { makeScratch, removeScratch } from '../helpers/scratch.js';

const folder = makeScratch('caches');
test.after.always(() => removeScratch(folder));

let count = 0;
const newRoot = (): string => join(folder, `root-${count++}`);
/** One for each use: many listeners of one signal are warned of. */
const newSignal = (): AbortSignal => new AbortController().signal;

function request(change: Partial<CacheRequest> = {}): CacheRequest {
  return { name: ['id'], sharing: 'shared', mode: 0o755, uid: 0, gid: 0, reset: false, ...change };
}

/** Holds one cache. */
async function hold(caches: CacheMounts, change: Partial<CacheRequest> = {}) {
  const { paths, release } = await caches.hold([request(change)], newSignal());
  const [path = ''] = paths;
  return { path, release };
}

for (const id of ['../../../etc', '/etc', '.', '', 'a\0b', 'x'.repeat(10_000), 'ünïcode\n', '__proto__']) {
  test(`CVE-2024-9675, DF-10: the folder of the id ${JSON.stringify(id.slice(0, 20))} is a digest`, async (t) => {
    const root = newRoot();
    const { path, release } = await hold(new CacheMounts(root, ''), { name: [id] });
    release();
    t.regex(path.slice(root.length), /^\/[0-9a-f]{64}\/0\/data$/);
    t.deepEqual(readdirSync(root).length, 1);
  });
}

test('what tells caches apart: id, namespace, owner, mode, seed', async (t) => {
  const root = newRoot();
  const plain = new CacheMounts(root, '');
  const held = await Promise.all([
    hold(plain),
    hold(plain, { name: ['other'] }),
    hold(new CacheMounts(root, 'ns')),
    hold(plain, { mode: 0o700 }),
    hold(plain, { name: ['id', 'seed'] }),
    hold(plain, { name: ['ididid'.slice(0, 2)] }),
  ]);
  for (const { release } of held) release();
  t.is(new Set(held.map(({ path }) => path)).size, 5);
});

test('a cache keeps what was written and has the mode that was asked for, whatever the umask', async (t) => {
  const root = newRoot();
  const first = await hold(new CacheMounts(root, ''), { mode: 0o1777 });
  writeFileSync(join(first.path, 'kept'), 'x');
  first.release();
  const second = await hold(new CacheMounts(root, ''), { mode: 0o1777 });
  t.is(second.path, first.path);
  t.is(statSync(second.path).mode & 0o7777, 0o1777);
  t.true(existsSync(join(second.path, 'kept')));
  second.release();
});

test('a seed fills a new cache only, and keeps its own mode', async (t) => {
  const root = newRoot();
  const caches = new CacheMounts(root, '');
  let seeded = 0;
  const seed = (path: string): Promise<void> => {
    seeded += 1;
    mkdirSync(path);
    chmodSync(path, 0o700);
    writeFileSync(join(path, 'seed'), 'x');
    return Promise.resolve();
  };
  const first = await hold(caches, { seed });
  first.release();
  const second = await hold(caches, { seed });
  second.release();
  t.is(seeded, 1);
  t.is(readFileSync(join(second.path, 'seed'), 'utf8'), 'x');
  t.is(statSync(second.path).mode & 0o777, 0o700);
});

test('a seed that fails leaves nothing, and no lock', async (t) => {
  const caches = new CacheMounts(newRoot(), '');
  await t.throwsAsync(hold(caches, { seed: () => Promise.reject(new Error('broken')) }), {
    message: 'broken',
  });
  const { path, release } = await hold(caches, { sharing: 'locked' });
  t.deepEqual(readdirSync(path), []);
  release();
});

test('shared: two at once have one folder', async (t) => {
  const caches = new CacheMounts(newRoot(), '');
  const [a, b] = [await hold(caches), await hold(caches)];
  t.is(a.path, b.path);
  a.release();
  b.release();
});

test('private: a second one has a folder of its own; a free one is taken again', async (t) => {
  const caches = new CacheMounts(newRoot(), '');
  const a = await hold(caches, { sharing: 'private' });
  const b = await hold(caches, { sharing: 'private' });
  t.not(a.path, b.path);
  a.release();
  const c = await hold(caches, { sharing: 'private' });
  t.is(c.path, a.path);
  b.release();
  c.release();
});

test('locked: a second one waits until the first has ended', async (t) => {
  const root = newRoot();
  const a = await hold(new CacheMounts(root, ''), { sharing: 'locked' });
  let got = false;
  const waiting = hold(new CacheMounts(root, ''), { sharing: 'locked' }).then((held) => {
    got = true;
    return held;
  });
  const other = await hold(new CacheMounts(root, ''), { name: ['other'], sharing: 'locked' }); // takes as long as a lock takes
  t.false(got);
  other.release();
  a.release();
  (await waiting).release();
  t.true(got);
});

test('one step may name one cache twice, however it is shared', async (t) => {
  const caches = new CacheMounts(newRoot(), '');
  const { paths, release } = await caches.hold(
    [request(), request({ sharing: 'locked' }), request({ sharing: 'private' })],
    newSignal(),
  );
  t.is(new Set(paths).size, 1);
  release();
});

test('two steps that lock two caches in opposite order both end', async (t) => {
  const caches = new CacheMounts(newRoot(), '');
  const locked = (name: string): CacheRequest => request({ name: [name], sharing: 'locked' });
  const both = async (names: readonly string[]): Promise<void> => {
    for (let round = 0; round < 5; round += 1) (await caches.hold(names.map(locked), newSignal())).release();
  };
  await Promise.all([both(['a', 'b']), both(['b', 'a'])]);
  t.pass();
});

test('waiting ends with the build', async (t) => {
  const caches = new CacheMounts(newRoot(), '');
  const held = await hold(caches, { sharing: 'locked' });
  const controller = new AbortController();
  const waiting = caches.hold([request({ sharing: 'locked' })], controller.signal);
  controller.abort(new Error('stopped'));
  await t.throwsAsync(waiting, { message: 'stopped' });
  held.release();
});

test('--no-cache empties a cache once per build', async (t) => {
  const root = newRoot();
  const before = await hold(new CacheMounts(root, ''));
  writeFileSync(join(before.path, 'old'), '');
  before.release();
  const build = new CacheMounts(root, '');
  const first = await hold(build, { reset: true });
  t.deepEqual(readdirSync(first.path), []);
  writeFileSync(join(first.path, 'new'), '');
  first.release();
  const second = await hold(build, { reset: true });
  t.deepEqual(readdirSync(second.path), ['new']);
  second.release();
});

test('caches are counted and deleted by their last use', async (t) => {
  const root = newRoot();
  const caches = new CacheMounts(root, '');
  for (const name of ['a', 'b']) (await hold(caches, { name: [name] })).release();
  t.is((await cacheMountUsage(root)).count, 2);
  t.is((await pruneCacheMounts(root, { usedSince: Date.now() - 60_000, dryRun: false })).count, 0);
  t.is((await pruneCacheMounts(root, { usedSince: Infinity, dryRun: true })).count, 2);
  t.is((await cacheMountUsage(root)).count, 2);
  t.is((await pruneCacheMounts(root, { usedSince: Infinity, dryRun: false })).count, 2);
  t.deepEqual(readdirSync(root), []);
  t.is((await cacheMountUsage(join(root, 'absent'))).count, 0);
});
