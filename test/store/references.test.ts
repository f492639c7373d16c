import test from 'ava';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../../src/oci/digest.js';
import { mediaTypes } from '../../src/oci/media-types.js';
import { parseIndex } from '../../src/oci/validate.js';
import { readRecord } from '../../src/store/records.js';
import type { Store } from '../../src/store/store.js';
import { findProgram, runProgram } from '../helpers/programs.js';
import { putImage, scratchOf, storeOf } from '../helpers/stores.js';

const name = 'docker.io/library/app:latest';
const second = 'localhost:5000/team/app:v1';

function indexOf(store: Store) {
  return parseIndex(readFileSync(join(store.root, 'index.json')), mediaTypes.ociIndex);
}
const namesIn = (store: Store) =>
  indexOf(store).manifests.map(({ annotations }) => annotations?.['org.opencontainers.image.ref.name']);

test('several names point to one image; a name moves', async (t) => {
  const store = await storeOf(t);
  const [one, two] = [await putImage(store, ['a']), await putImage(store, ['a', 'b'])];
  await store.references.set(name, { ...one, source: name, etag: '"x"' });
  await store.references.set(second, one);
  t.deepEqual((await store.references.get(name))?.target, { ...one, source: name, etag: '"x"' });
  await store.references.set(name, two);
  t.deepEqual((await store.references.get(name))?.target, two);
  t.deepEqual(
    (await store.references.list()).map((reference) => reference.name),
    [name, second],
  );
  t.true(await store.references.delete(name));
  t.false(await store.references.delete(name));
  t.is(await store.references.get(name), undefined);
});

test('a damaged reference is left out and can be set again', async (t) => {
  const store = await storeOf(t);
  const image = await putImage(store, ['a']);
  await store.references.set(name, image);
  const folder = join(store.root, 'references/v1');
  const [file = ''] = readdirSync(folder);
  t.truthy(await readRecord(join(folder, file)));
  writeFileSync(join(folder, file), readFileSync(join(folder, file), 'utf8').replace('linux', 'linuX'));
  t.is(await store.references.get(name), undefined);
  t.deepEqual(await store.references.list(), []);
  await store.references.set(name, image);
  t.deepEqual((await store.references.get(name))?.target, image);
});

test('index.json has the images all of whose blobs are here', async (t) => {
  const store = await storeOf(t);
  const [whole, partial] = [await putImage(store, ['a']), await putImage(store, ['b'])];
  await store.blobs.delete(digestOf(await firstLayer(store, partial.manifest.digest)));
  await store.references.set(name, whole);
  await store.references.set(second, partial);
  t.deepEqual(namesIn(store), [name]);
  await putImage(store, ['b']);
  await store.updateIndex();
  t.deepEqual(namesIn(store), [name, second]);
  await store.references.delete(name);
  t.deepEqual(namesIn(store), [second]);
});

async function firstLayer(store: Store, manifest: Parameters<Store['blobs']['read']>[0]): Promise<Buffer> {
  const { layers } = JSON.parse((await store.blobs.read(manifest, 1e6)).toString()) as {
    layers: { digest: string }[];
  };
  const digest = layers[0]?.digest;
  return store.blobs.read(digest as typeof manifest, 1e6);
}

test('a name of several platforms stands for their index', async (t) => {
  const store = await storeOf(t);
  const images = [await putImage(store, ['a']), await putImage(store, ['b'])];
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: images.map(({ manifest, platform }) => ({ ...manifest, platform })),
  });
  const index = { mediaType: mediaTypes.ociIndex, ...(await store.blobs.put(Buffer.from(text))) };
  await store.references.set(name, { kind: 'index', index, images });
  t.deepEqual((await store.references.get(name))?.target, { kind: 'index', index, images });
  t.is(indexOf(store).manifests[0]?.digest, index.digest);
});

test('a damaged index.json is written again', async (t) => {
  const store = await storeOf(t);
  await store.references.set(name, await putImage(store, ['a']));
  writeFileSync(join(store.root, 'index.json'), '{"mani');
  await store.updateIndex();
  t.deepEqual(namesIn(store), [name]);
});

const skopeo = findProgram('skopeo') === undefined ? test.skip : test;
const umoci = findProgram('umoci') === undefined ? test.skip : test;

for (const reference of [name, second]) {
  skopeo(`skopeo reads the store as an OCI layout: ${reference}`, async (t) => {
    const store = await storeOf(t);
    const image = await putImage(store, ['a', 'b']);
    await store.references.set(name, image);
    await store.references.set(second, image);
    const inspected = await runProgram(['skopeo', 'inspect', '--raw', `oci:${store.root}:${reference}`]);
    t.is(inspected.code, 0, inspected.output);
    t.is(digestOf(inspected.stdout), image.manifest.digest);
    const copy = scratchOf(t);
    const copied = await runProgram(['skopeo', 'copy', `oci:${store.root}:${reference}`, `dir:${copy}`]);
    t.is(copied.code, 0, copied.output);
  });
}

umoci('umoci unpacks from the store (needs umoci)', async (t) => {
  const store = await storeOf(t);
  await store.references.set(name, await putImage(store, ['a', 'b']));
  const bundle = join(scratchOf(t), 'bundle');
  const list = await runProgram(['umoci', 'ls', '--layout', store.root]);
  t.is(list.stdout.trim(), name, list.output);
  mkdirSync(bundle);
  const rootless = process.getuid?.() === 0 ? [] : ['--rootless'];
  const unpacked = await runProgram([
    'umoci',
    'unpack',
    ...rootless,
    '--image',
    `${store.root}:${name}`,
    bundle,
  ]);
  t.is(unpacked.code, 0, unpacked.output);
  t.is(readFileSync(join(bundle, 'rootfs/b'), 'utf8'), 'b');
});
