import test from 'ava';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, type Digest } from '../../src/oci/digest.js';
import { collectGarbage, Marks } from '../../src/store/collect-garbage.js';
import { diskUsage } from '../../src/store/disk-usage.js';
import type { Store } from '../../src/store/store.js';
import { TsbuildError } from '../../src/util/errors.js';
import { putImage, storeOf } from '../helpers/stores.js';

const name = 'docker.io/library/app:latest';
const key = (text: string) => digestOf(text).slice('sha256:'.length);
const nothing = { mark: () => Promise.resolve() };

async function digestsIn(store: Store): Promise<Set<Digest>> {
  const found = new Set<Digest>();
  for await (const { digest } of store.blobs.list()) found.add(digest);
  return found;
}

const folder = (path: string) => {
  writeFileSync(join(path, 'file'), Buffer.alloc(5000));
  return Promise.resolve();
};

test('what named images need stays, the rest goes', async (t) => {
  const store = await storeOf(t);
  const [named, unnamed] = [await putImage(store, ['a', 'b']), await putImage(store, ['a', 'c'])];
  await store.references.set(name, named);
  const before = await digestsIn(store);
  const collected = await collectGarbage(store, nothing);
  const after = await digestsIn(store);
  t.true(after.has(named.manifest.digest) && after.has(named.config));
  t.false(after.has(unnamed.manifest.digest) || after.has(unnamed.config));
  t.is(before.size - after.size, 3, 'manifest, config and the layer that is not shared');
  t.is(collected.blobs.count, 3);
  t.is(collected.bytes, collected.blobs.bytes);
  await t.notThrowsAsync(() => store.updateIndex());
});

test('what the policy marks stays', async (t) => {
  const store = await storeOf(t);
  const [kept, lost] = [
    await store.blobs.put(Buffer.from('kept')),
    await store.blobs.put(Buffer.from('lost')),
  ];
  for (const part of ['kept', 'lost']) {
    await store.directories.create(part, folder);
    await store.records('cache').put(key(part), part);
    await store.records('whole').put(key(part), part);
  }
  const mark = (marks: Marks) => {
    marks.blobs.add(kept.digest);
    marks.directories.add('kept');
    marks.record('cache', key('kept'));
    marks.buckets.add('whole');
    return Promise.resolve();
  };
  const planned = await collectGarbage(store, { mark, dryRun: true });
  t.deepEqual(planned.blobs, { count: 1, bytes: lost.size });
  t.is((await digestsIn(store)).size, 2, 'a dry run deletes nothing');
  const collected = await collectGarbage(store, { mark });
  t.deepEqual(collected, planned);
  t.deepEqual([collected.blobs.count, collected.directories.count, collected.records.count], [1, 1, 1]);
  t.true(collected.directories.bytes >= 5000);
  t.deepEqual(await digestsIn(store), new Set([kept.digest]));
  t.deepEqual(await store.directories.list(), ['kept']);
  t.is(await store.records('cache').get(key('lost')), undefined);
  t.is(await store.records('cache').get(key('kept')), 'kept');
  t.is(await store.records('whole').get(key('lost')), 'lost');
});

test('the policy is told the named images, once each', async (t) => {
  const store = await storeOf(t);
  const image = await putImage(store, ['a']);
  await store.references.set(name, image);
  await store.references.set('docker.io/library/other:latest', image);
  await collectGarbage(store, {
    mark: (_, images) => {
      t.deepEqual(images, [image]);
      return Promise.resolve();
    },
  });
});

test('a collection does not run beside a build, nor a build beside a collection', async (t) => {
  const store = await storeOf(t);
  const lease = await store.lease();
  const error = await t.throwsAsync(() => collectGarbage(store, nothing), { instanceOf: TsbuildError });
  t.is(error?.code, 'store');
  t.regex(error?.message ?? '', /in use/);
  lease.release();
  await collectGarbage(store, {
    mark: async () => {
      await t.throwsAsync(() => store.lease({ wait: false }), { message: /cleaned up/ });
    },
  });
  (await store.lease()).release();
});

test("a collection deletes the files of builds' locks", async (t) => {
  const store = await storeOf(t);
  (await store.lock('step-1', 'exclusive'))?.release();
  await collectGarbage(store, nothing);
  t.deepEqual(readdirSync(join(store.root, 'locks')).sort(), ['gc', 'index']);
});

test('a failing policy deletes nothing and frees the lock', async (t) => {
  const store = await storeOf(t);
  const { digest } = await store.blobs.put(Buffer.from('x'));
  await t.throwsAsync(() => collectGarbage(store, { mark: () => Promise.reject(new Error('no')) }), {
    message: 'no',
  });
  t.true((await digestsIn(store)).has(digest));
  (await store.lease()).release();
});

test('disk usage tells images, other blobs, folders and records apart', async (t) => {
  const store = await storeOf(t);
  await store.references.set(name, await putImage(store, ['a']));
  const other = await store.blobs.put(Buffer.alloc(1000));
  await store.directories.create('d', folder);
  await store.records('cache').put(key('r'), 'r');
  const scratch = await store.scratchDirectory();
  writeFileSync(join(scratch, 'file'), Buffer.alloc(9000));
  const usage = await diskUsage(store);
  t.is(usage.images.count, 1);
  t.true(usage.images.bytes > 0);
  t.deepEqual(usage.layers, { count: 1, bytes: other.size });
  t.is(usage.directories.count, 1);
  t.true(usage.directories.bytes >= 5000);
  t.is(usage.records.get('cache')?.count, 1);
  t.true(usage.temporary.bytes >= 9000);
  t.true(existsSync(scratch));
});
