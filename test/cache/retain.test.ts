import test from 'ava';
import { makeKey } from '../../src/cache/key.js';
import { markKept } from '../../src/cache/retain.js';
import { digestOf, hexOf } from '../../src/oci/digest.js';
import { collectGarbage } from '../../src/store/collect-garbage.js';
import type { Store } from '../../src/store/store.js';
import { storeOf } from '../helpers/stores.js';

const layer = digestOf('a layer');
const hex = hexOf(layer);
const key = makeKey([['op', 'a result']]);
const result = hexOf(key.digest);

/** A cached result whose snapshot is one layer, in all its forms, and a layer that no result has. */
async function fill(store: Store): Promise<void> {
  await store.records('cache').put(result, {
    key,
    by: 'definition',
    step: { dockerfile: '/Dockerfile', stage: 'a', instruction: 'RUN x', place: 'RUN 1' },
    snapshot: [{ id: layer, empty: false, created: 0 }],
    own: 1,
    inputs: [],
    chains: [],
    created: 0,
    duration: 0,
  });
  await store.records('context-hashes').put(result, { hash: 1 });
  for (const name of [hex, hexOf(digestOf('another layer'))]) {
    const blob = await store.blobs.put(Buffer.from(`tar of ${name}`));
    await store.records('changesets').putLines(name, ['{}']);
    await store.records('layer-diffid').put(name, { diffId: blob.digest });
    const packed = await store.blobs.put(Buffer.from(`packed ${name}`));
    await store.records('layer-gzip').put(hexOf(blob.digest), { descriptor: packed });
    await store.records('layer-bodies').putLines(hexOf(blob.digest), ['{}']);
  }
}

const collect = (store: Store, usedSince: number) =>
  collectGarbage(store, {
    mark: (marks, images) =>
      markKept(store, { marks, images, usedSince, keeps: ({ used }) => used >= usedSince }),
  });

test('what a recent result needs stays, in all its forms', async (t) => {
  const store = await storeOf(t);
  await fill(store);
  const { blobs, records } = await collect(store, 0);
  t.deepEqual([blobs.count, records.count], [2, 4]);
  t.truthy(await store.records('cache').get(result));
  t.truthy(await store.records('context-hashes').get(result));
  t.truthy(store.records('changesets').getLines(hex));
  const known = (await store.records('layer-diffid').get(hex)) as { diffId: ReturnType<typeof digestOf> };
  t.truthy(await store.blobs.has(known.diffId));
  t.truthy(await store.records('layer-gzip').get(hexOf(known.diffId)));
  t.truthy(store.records('layer-bodies').getLines(hexOf(known.diffId)));
});

test('without recent results nothing stays', async (t) => {
  const store = await storeOf(t);
  await fill(store);
  const { blobs, records } = await collect(store, Infinity);
  t.deepEqual([blobs.count, records.count], [4, 10]);
});
