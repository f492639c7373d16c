import { statfsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { readCacheEntries } from '../../src/cache/cache-entries.js';
import { collectAfterBuild, collectCache, type CacheCollection } from '../../src/cache/collect-cache.js';
import { pin, unpin } from '../../src/cache/pins.js';
import { TsbuildError } from '../../src/util/errors.js';
import { FakeBuild } from '../helpers/fake-build.js';

const text = `FROM scratch AS a
COPY one /
RUN write f 1
FROM scratch AS b
RUN write g 2
FROM scratch
COPY --from=a / /
COPY --from=b /g /h`;

const { signal } = new AbortController();

/** A store with the results of one build, and the layers of its image. */
async function built(t: ExecutionContext): Promise<FakeBuild> {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  await build.put('one', '1');
  const { layers } = await build.build(text);
  for (const layer of layers) await layer.blob('none');
  return build;
}

async function instructions({ store }: FakeBuild): Promise<readonly string[]> {
  return (await readCacheEntries(store)).map(({ instruction }) => instruction).toSorted();
}

const collect = ({ store }: FakeBuild, policy: Omit<CacheCollection, 'signal'>) =>
  collectCache(store, { ...policy, signal });

const all = ['COPY --from=a / /', 'COPY --from=b /g /h', 'COPY one /', 'RUN write f 1', 'RUN write g 2'];

test('an entry for each step', async (t) => {
  const build = await built(t);
  t.deepEqual(await instructions(build), all);
  const entries = await readCacheEntries(build.store);
  const copy = entries.find(({ instruction }) => instruction === 'COPY one /');
  t.like(copy, { stage: 'a', type: 'COPY', depth: 0, pinned: false });
  t.deepEqual(copy?.results.map(({ record }) => record.by).toSorted(), ['content', 'definition']);
  t.true(entries.every(({ size, used }) => size > 0 && used > 0));
});

test('without limits nothing goes, and the next build runs nothing', async (t) => {
  const build = await built(t);
  await collect(build, {});
  t.deepEqual((await build.build(text)).ran, []);
});

test('what is filtered goes, and only that runs again', async (t) => {
  const build = await built(t);
  const matches = ({ stage, type }: { stage: string; type: string }) => stage === 'b' && type === 'RUN';
  await collect(build, { matches, usedSince: Infinity, rememberedSince: 0 });
  t.deepEqual(await instructions(build), all.slice(0, 4));
  // The result above it is still there: nothing needs the step.
  t.deepEqual((await build.build(text)).ran, []);
  t.deepEqual((await build.build(text, { target: 'b' })).ran, ['write g 2']);
});

test('after a filtered collection a miss is still explained', async (t) => {
  const build = await built(t);
  const matches = ({ stage }: { stage: string }) => stage === 'b';
  await collect(build, { matches, usedSince: Infinity, rememberedSince: 0 });
  await build.put('one', '2');
  const { missed } = await build.build(text);
  t.is(missed.get('[a 2/3] COPY one /'), 'the content of "one" changed');
});

test('why a step missed is told after results of its age were collected, as long as its own was used', async (t) => {
  const build = await built(t);
  const old = Date.now();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await build.build(text);
  await collect(build, { usedSince: old + 10 });
  t.deepEqual(await instructions(build), all);
  await build.put('one', '2');
  const { missed } = await build.build(text);
  t.is(missed.get('[a 2/3] COPY one /'), 'the content of "one" changed');
});

test('pinned results stay, with what they lie on', async (t) => {
  const build = await built(t);
  const entries = await readCacheEntries(build.store);
  const pinned = entries.filter(({ instruction }) => instruction === 'RUN write f 1');
  const keys = pinned.flatMap(({ results }) => results.map(({ record }) => record.key.digest));
  await pin(build.store, keys);
  await collect(build, { usedSince: Infinity });
  t.deepEqual(await instructions(build), ['COPY one /', 'RUN write f 1']);
  t.deepEqual((await build.build(text, { target: 'a' })).ran, []);
  await unpin(build.store, keys);
  await collect(build, { usedSince: Infinity });
  t.deepEqual(await instructions(build), []);
});

test('a limit of size deletes until it holds', async (t) => {
  const build = await built(t);
  const sizes = (await readCacheEntries(build.store)).map(({ size }) => size);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  await collect(build, { maxUsed: total - 1 });
  t.is((await instructions(build)).length, 4);
  await collect(build, { maxUsed: 0, reserved: total });
  t.is((await instructions(build)).length, 4, 'reserved');
  await collect(build, { maxUsed: 0 });
  t.deepEqual(await instructions(build), []);
  t.deepEqual((await build.build(text)).ran.toSorted(), ['write f 1', 'write g 2']);
});

test('a disk that lacks space gets it', async (t) => {
  const build = await built(t);
  const { bavail, bsize } = statfsSync(build.store.root);
  await collect(build, { minFree: bavail * bsize * 2 });
  t.deepEqual(await instructions(build), []);
});

test('a dry run counts and deletes nothing', async (t) => {
  const build = await built(t);
  const { records, bytes } = await collect(build, { usedSince: Infinity, dryRun: true });
  t.true(records.count >= 10 && bytes > 0);
  t.deepEqual(await instructions(build), all);
});

test('a store that a build uses is not collected', async (t) => {
  const build = await built(t);
  const lease = await build.store.lease();
  await t.throwsAsync(collect(build, { usedSince: Infinity }), { instanceOf: TsbuildError });
  t.is(await collectAfterBuild(build.store, { limits: { minFree: 2 ** 60 }, now: 0, signal }), undefined);
  lease.release();
  t.deepEqual(await instructions(build), all);
});

test('the end of a build collects when the disk lacks space', async (t) => {
  const build = await built(t);
  const now = Date.now();
  t.is(await collectAfterBuild(build.store, { limits: { minFree: 0 }, now, signal }), undefined);
  const limits = { minFree: 2 ** 60, reserved: 0 };
  t.truthy(await collectAfterBuild(build.store, { limits, now, signal }));
  t.deepEqual(await instructions(build), []);
});

test('the end of a build looks at the size of the cache once an hour', async (t) => {
  const build = await built(t);
  const after = (now: number, maxUsed: number) =>
    collectAfterBuild(build.store, { limits: { minFree: 0, maxUsed, reserved: 0 }, now, signal });
  const now = Date.now();
  t.truthy(await after(now, 2 ** 40));
  t.is(await after(now + 3_599_000, 0), undefined);
  t.deepEqual(await instructions(build), all);
  t.truthy(await after(now + 3_601_000, 0));
  t.deepEqual(await instructions(build), []);
});
