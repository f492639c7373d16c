import test from 'ava';
import { mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import tar from 'tar-stream';
import { createExporter } from '../../src/image/export.js';
import { loadArchive, type LoadedImage } from '../../src/image/load-archive.js';
import { parseOutput } from '../../src/image/output.js';
import { digestOf, hexOf } from '../../src/oci/digest.js';
import { mediaTypes } from '../../src/oci/media-types.js';
import { parseManifest } from '../../src/oci/validate.js';
import type { Store } from '../../src/store/store.js';
import { TsbuildError } from '../../src/util/errors.js';
import { findProgram, runProgram } from '../helpers/programs.js';
import { scratchOf, storeOf, tarOf } from '../helpers/stores.js';
import { imageOf, jobOf } from './sample-image.js';

type Entry = readonly [
  name: string,
  content: string | Uint8Array | { readonly linkname: string; readonly type?: 'link' },
];

/** A tar with the entries as they are given, however odd. */
async function tarWith(entries: readonly Entry[]): Promise<Buffer> {
  const pack = tar.pack();
  for (const [name, content] of entries) {
    if (typeof content === 'string' || content instanceof Uint8Array)
      pack.entry({ name }, Buffer.from(content));
    else pack.entry({ name, type: content.type ?? 'symlink', linkname: content.linkname });
  }
  pack.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of pack as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* chunked(bytes: Uint8Array, size = 1000): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}

const layer = tarOf('hello');
const configOf = (...layers: readonly Uint8Array[]) =>
  JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map((content) => digestOf(content)) },
  });
const config = configOf(layer);
const blobName = (content: string | Uint8Array) => `blobs/sha256/${hexOf(digestOf(content))}`;
const blobEntry = (content: string | Uint8Array): Entry => [blobName(content), content];
const describe = (mediaType: string, content: string | Uint8Array) => ({
  mediaType,
  digest: digestOf(content),
  size: Buffer.byteLength(content),
});

const manifestOf = (layers: readonly Uint8Array[], configText = config) =>
  JSON.stringify({
    schemaVersion: 2,
    config: describe(mediaTypes.ociConfig, configText),
    layers: layers.map((content) => describe(mediaTypes.ociLayer, content)),
  });
const indexOf = (...manifests: readonly object[]) => JSON.stringify({ schemaVersion: 2, manifests });
const manifest = manifestOf([layer]);
const ociIndex = indexOf({
  ...describe(mediaTypes.ociManifest, manifest),
  annotations: {
    'org.opencontainers.image.ref.name': 'latest',
    'io.containerd.image.name': 'docker.io/library/a:1',
  },
});
const oci: readonly Entry[] = [
  ['oci-layout', '{"imageLayoutVersion":"1.0.0"}'],
  ['index.json', ociIndex],
  blobEntry(manifest),
  blobEntry(config),
  blobEntry(layer),
];
const saved = (...images: readonly object[]): Entry => ['manifest.json', JSON.stringify(images)];
const docker: readonly Entry[] = [
  saved({ Config: 'abc.json', RepoTags: ['a:1', 'localhost:5000/b'], Layers: ['x/layer.tar'] }),
  ['abc.json', config],
  ['x/VERSION', '1.0'],
  ['x/layer.tar', layer],
];

/** Checks that the image is whole in the store. */
async function layersOf(store: Store, loaded: LoadedImage | undefined): Promise<readonly string[]> {
  if (loaded?.target.kind !== 'image') throw new Error('not an image');
  const bytes = await store.blobs.read(loaded.target.manifest.digest, 1e6);
  const { layers } = parseManifest(bytes, loaded.target.manifest.mediaType);
  for (const { digest, size } of layers) for await (const chunk of store.blobs.open(digest, size)) void chunk;
  return layers.map(({ digest }) => digest);
}

const loads = test.macro({
  async exec(t, entries: readonly Entry[], names: readonly string[]) {
    for (const pack of [(bytes: Buffer) => bytes, (bytes: Buffer) => gzipSync(bytes)]) {
      const store = await storeOf(t);
      const [loaded, ...more] = await loadArchive(chunked(pack(await tarWith(entries))), store);
      t.deepEqual(more, []);
      t.deepEqual(loaded?.names, names);
      t.deepEqual(await layersOf(store, loaded), [digestOf(layer)]);
      if (loaded?.target.kind === 'image') t.is(loaded.target.config, digestOf(config));
    }
  },
  title: (name) => `loads, also compressed: ${name}`,
});
test('an OCI layout', loads, oci, ['docker.io/library/a:1']);
test(
  'names with ./ before them',
  loads,
  oci.map(([name, content]): Entry => [`./${name}`, content]),
  ['docker.io/library/a:1'],
);
test('docker save', loads, docker, ['docker.io/library/a:1', 'localhost:5000/b:latest']);
test(
  'docker save, a layer that is a link to another',
  loads,
  [
    saved({ Config: 'abc.json', RepoTags: null, Layers: ['y/layer.tar'] }),
    ['abc.json', config],
    ['x/layer.tar', layer],
    ['y/layer.tar', { linkname: '../x/layer.tar' }],
  ],
  [],
);
test(
  'both forms in one',
  loads,
  [...oci, saved({ Config: blobName(config), RepoTags: ['z'], Layers: [blobName(layer)] })],
  ['docker.io/library/a:1'],
);

test('a layer that stands there compressed keeps its bytes', async (t) => {
  const store = await storeOf(t);
  const packed = gzipSync(layer);
  const entries: readonly Entry[] = [saved({ Config: 'c', Layers: ['l'] }), ['c', config], ['l', packed]];
  const [loaded] = await loadArchive(chunked(await tarWith(entries)), store);
  t.deepEqual(await layersOf(store, loaded), [digestOf(packed)]);
});

test('attestations and platforms that are not there are left out of an index', async (t) => {
  const store = await storeOf(t);
  const absent = manifestOf([], configOf());
  const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } });
  const inner = indexOf(
    { ...describe(mediaTypes.ociManifest, manifest), ...platform('amd64') },
    { ...describe(mediaTypes.ociManifest, absent), ...platform('arm64') },
    { ...describe(mediaTypes.ociManifest, config), platform: { os: 'unknown', architecture: 'unknown' } },
  );
  const entries: readonly Entry[] = [
    ['index.json', indexOf(describe(mediaTypes.ociIndex, inner))],
    ...[inner, manifest, config, layer].map(blobEntry),
  ];
  const [loaded] = await loadArchive(chunked(await tarWith(entries)), store);
  t.deepEqual(await layersOf(store, loaded), [digestOf(layer)]);
});

const refused = test.macro({
  async exec(t, entries: readonly Entry[], message: RegExp) {
    const store = await storeOf(t);
    const bytes = await tarWith(entries);
    const error = await t.throwsAsync(() => loadArchive(chunked(bytes), store), { instanceOf: TsbuildError });
    t.regex(error?.message ?? '', message);
    t.deepEqual(readdirSync(join(store.root, 'tmp')), []);
  },
  title: (name) => `refused: ${name}`,
});
const without = (entries: readonly Entry[], content: string | Uint8Array) =>
  entries.filter(([name]) => name !== blobName(content));
const nested = (depth: number): readonly Entry[] => {
  const levels = [manifest];
  for (let i = 0; i < depth; i += 1) {
    const below = levels[0] ?? '';
    levels.unshift(indexOf(describe(i === 0 ? mediaTypes.ociManifest : mediaTypes.ociIndex, below)));
  }
  const [top = ''] = levels;
  return [
    ['index.json', indexOf(describe(mediaTypes.ociIndex, top))],
    ...[...levels, config, layer].map(blobEntry),
  ];
};

test('nothing known', refused, [['x', 'y']], /neither an index.json nor a manifest.json/);
test('a name that leads out', refused, [...oci, ['../x', '']], /leads out/);
test('a name twice', refused, [...oci, ['index.json', indexOf()]], /twice/);
test('a name twice in other spellings', refused, [...oci, ['.//index.json', indexOf()]], /twice/);
test(
  'a blob that is a link',
  refused,
  [...without(oci, layer), ['l', layer], [blobName(layer), { linkname: '../../l' }]],
  /not a regular file/,
);
test(
  'a blob that is a hard link',
  refused,
  [...without(oci, layer), ['l', layer], [blobName(layer), { linkname: 'l', type: 'link' }]],
  /not a regular file/,
);
test(
  'a hard link that leads out',
  refused,
  [...oci, ['l', { linkname: '../../etc/passwd', type: 'link' }]],
  /leads out/,
);
test(
  'a layer that is a link out of the archive',
  refused,
  [saved({ Config: 'c', Layers: ['l'] }), ['c', config], ['l', { linkname: '/etc/passwd' }]],
  /no file "l"/,
);
test('a config path that leads out', refused, [saved({ Config: '../../etc/passwd', Layers: [] })], /no file/);
test(
  'a blob with another content',
  refused,
  [...without(oci, layer), [blobName(layer), 'other']],
  /is sha256:/,
);
test('a missing layer', refused, without(oci, layer), /no blob/);
test('a missing config', refused, without(oci, config), /no blob/);
test(
  'a layer that the config does not list',
  refused,
  [saved({ Config: 'c', Layers: ['l'] }), ['c', config], ['l', tarOf('evil')]],
  /but the config lists/,
);
test(
  'more layers than the config lists',
  refused,
  [saved({ Config: 'c', Layers: ['l', 'l'] }), ['c', config], ['l', layer]],
  /2 layers, the config 1/,
);
test(
  'a layer with an unknown compression',
  refused,
  [saved({ Config: 'c', Layers: ['l'] }), ['c', config], ['l', gzipSync(layer).subarray(0, 40)]],
  /corrupt gzip/,
);
test(
  'a name that is none',
  refused,
  [saved({ Config: 'c', RepoTags: ['A B'], Layers: [] }), ['c', configOf()]],
  /no valid name/,
);
test('manifest.json that is no list', refused, [['manifest.json', '{}']], /not an array/);
test(
  'manifest.json with a member twice',
  refused,
  [['manifest.json', '[{"Config":"a","Config":"b"}]']],
  /twice/,
);
test('index.json that is an image', refused, [['index.json', manifest]], /index must be/);
test('indexes nested too deeply', refused, nested(8), /too deeply/);

test('indexes nested in a sane depth load', async (t) => {
  const store = await storeOf(t);
  const [loaded] = await loadArchive(chunked(await tarWith(nested(2))), store);
  t.deepEqual(await layersOf(store, loaded), [digestOf(layer)]);
});

test('an archive cut off anywhere is refused', async (t) => {
  const bytes = gzipSync(await tarWith(oci));
  for (const part of [0.1, 0.5, 0.9]) {
    const cut = bytes.subarray(0, Math.floor(bytes.length * part));
    await t.throwsAsync(async () => loadArchive(chunked(cut), await storeOf(t)), {
      instanceOf: TsbuildError,
    });
  }
});

function writeLayout(folder: string): void {
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true });
  for (const [name, content] of oci) {
    if (typeof content === 'string' || content instanceof Uint8Array)
      writeFileSync(join(folder, name), content);
  }
}

test('a folder with an OCI layout loads', async (t) => {
  const [store, folder] = [await storeOf(t), scratchOf(t)];
  writeLayout(folder);
  const [loaded] = await loadArchive(folder, store);
  t.deepEqual(await layersOf(store, loaded), [digestOf(layer)]);
});

const refusedFolder = test.macro({
  async exec(t, spoil: (folder: string) => void, message: RegExp) {
    const [store, folder] = [await storeOf(t), scratchOf(t)];
    writeLayout(folder);
    spoil(folder);
    const error = await t.throwsAsync(() => loadArchive(folder, store), { instanceOf: TsbuildError });
    t.regex(error?.message ?? '', message);
  },
  title: (name) => `folder refused: ${name}`,
});
const moved = (name: string) => (folder: string) => {
  renameSync(join(folder, name), join(folder, 'elsewhere'));
  symlinkSync(join(folder, 'elsewhere'), join(folder, name));
};
test('a blob that is a symbolic link', refusedFolder, moved(blobName(layer)), /symbolic link/);
test('blobs that are behind a symbolic link', refusedFolder, moved('blobs'), /behind a link/);
test('index.json that is a symbolic link', refusedFolder, moved('index.json'), /symbolic link/);
test(
  'a blob that is a folder',
  refusedFolder,
  (folder) => {
    renameSync(join(folder, blobName(layer)), join(folder, 'elsewhere'));
    mkdirSync(join(folder, blobName(layer)));
  },
  /not a regular file/,
);

test('an archive that is not there is an error that says so', async (t) => {
  const store = await storeOf(t);
  await t.throwsAsync(() => loadArchive('/nowhere/x.tar', store), {
    message: /cannot read "\/nowhere\/x.tar": ENOENT/,
  });
});

(findProgram('skopeo') === undefined ? test.skip : test)('what skopeo writes loads', async (t) => {
  const [store, scratch] = [await storeOf(t), scratchOf(t)];
  const image = await imageOf(store, ['docker.io/library/app:v1']);
  const spec = parseOutput(`type=oci,tar=false,dest=${scratch}/layout`);
  if (spec.type !== 'oci') return t.fail();
  await createExporter(spec, { cwd: '/', stdout: process.stdout }).export([image], jobOf());
  for (const target of ['docker-archive', 'oci-archive']) {
    const archive = join(scratch, `${target}.tar`);
    const argv = [
      'skopeo',
      'copy',
      `oci:${scratch}/layout:v1`,
      `${target}:${archive}:docker.io/library/app:v1`,
    ];
    const copied = await runProgram(argv);
    t.is(copied.code, 0, copied.output);
    t.true(readFileSync(archive).length > 0);
    const loadedInto = await storeOf(t);
    const [loaded] = await loadArchive(archive, loadedInto);
    t.deepEqual(loaded?.names, ['docker.io/library/app:v1']);
    t.is((await layersOf(loadedInto, loaded)).length, 1);
  }
});
