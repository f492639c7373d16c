import test from 'ava';
import { assembleImage, assembleIndex } from '../../src/image/assemble.js';
import { historyFits, pairHistory } from '../../src/image/history.js';
import { digestOf, type DiffID } from '../../src/oci/digest.js';
import { mediaTypes } from '../../src/oci/media-types.js';
import type { HistoryEntry, ImageConfig } from '../../src/oci/types.js';
import { parseImageConfig, parseIndex, parseManifest } from '../../src/oci/validate.js';
import { TsbuildError } from '../../src/util/errors.js';

const [one, two] = [digestOf('1') as DiffID, digestOf('2') as DiffID];
const configWith = (diff_ids: readonly DiffID[], history?: readonly HistoryEntry[]): ImageConfig => ({
  architecture: 'amd64',
  os: 'linux',
  rootfs: { type: 'layers', diff_ids },
  ...(history === undefined ? {} : { history }),
});
const layer = { mediaType: mediaTypes.dockerLayerGzip, digest: one, size: 10 };

test('members stand in the order of Go, names of maps by code unit', (t) => {
  const config: ImageConfig = {
    rootfs: { diff_ids: [], type: 'layers' },
    zeta: 1,
    config: { Labels: { config: '1', User: '2', architecture: '3' }, Cmd: ['x'], Env: ['A=1'], Other: true },
    os: 'linux',
    architecture: 'amd64',
    created: '2020-01-01T00:00:00Z',
  };
  const { config: document } = assembleImage({ config, layers: [] });
  t.is(
    Buffer.from(document.bytes).toString(),
    '{"created":"2020-01-01T00:00:00Z","architecture":"amd64","os":"linux","config":{"Env":["A=1"],"Cmd":["x"],' +
      '"Labels":{"User":"2","architecture":"3","config":"1"},"Other":true},"rootfs":{"type":"layers","diff_ids":[]},"zeta":1}',
  );
});

test('an image without layers has empty lists', (t) => {
  const { config, manifest } = assembleImage({ config: configWith([]), layers: [] });
  t.regex(Buffer.from(manifest.bytes).toString(), /"layers":\[\]/);
  t.regex(Buffer.from(config.bytes).toString(), /"diff_ids":\[\]/);
});

test('documents are what their descriptors say and read back', (t) => {
  const image = assembleImage({ config: configWith([one]), layers: [layer], annotations: { 'a.b': 'c' } });
  t.is(image.manifest.descriptor.digest, digestOf(image.manifest.bytes));
  const manifest = parseManifest(image.manifest.bytes, mediaTypes.ociManifest);
  t.deepEqual(manifest.config, image.config.descriptor);
  t.deepEqual(manifest.layers, [{ ...layer, mediaType: mediaTypes.ociLayerGzip }]);
  t.deepEqual(manifest.annotations, { 'a.b': 'c' });
  t.deepEqual(parseImageConfig(image.config.bytes), configWith([one]));
});

test("Docker's media types change the manifest, not the config", (t) => {
  const parts = { config: configWith([one]), layers: [{ ...layer, mediaType: mediaTypes.ociLayer }] };
  const docker = assembleImage({ ...parts, docker: true });
  t.is(docker.config.descriptor.digest, assembleImage(parts).config.descriptor.digest);
  const manifest = parseManifest(docker.manifest.bytes, mediaTypes.dockerManifest);
  t.is(manifest.layers[0]?.mediaType, mediaTypes.dockerLayer);
  t.is(manifest.config.mediaType, mediaTypes.dockerConfig);
});

const ociOnly = test.macro({
  exec(t, extra: Partial<Parameters<typeof assembleImage>[0]>) {
    const parts = { config: configWith([one]), layers: [layer], docker: true, ...extra };
    t.is(t.throws(() => assembleImage(parts), { instanceOf: TsbuildError })?.code, 'unsupported');
  },
  title: (name) => `Docker's media types have no ${name}`,
});
test('zstd', ociOnly, { layers: [{ ...layer, mediaType: mediaTypes.ociLayerZstd }] });

test('bytes of a config that was pulled are kept', (t) => {
  const configBytes = Buffer.from(JSON.stringify(configWith([]), undefined, 4));
  const image = assembleImage({ config: configWith([]), configBytes, layers: [] });
  t.is(image.config.descriptor.digest, digestOf(configBytes));
});

test('an index names platforms', (t) => {
  const { manifest } = assembleImage({ config: configWith([]), layers: [] });
  const platform = { os: 'linux', architecture: 'arm', variant: 'v7' };
  const index = assembleIndex([{ manifest: manifest.descriptor, platform }]);
  t.deepEqual(parseIndex(index.bytes, mediaTypes.ociIndex).manifests[0]?.platform, platform);
});

const pairs = test.macro({
  exec(
    t,
    history: readonly HistoryEntry[],
    expected: readonly (readonly [string | undefined, DiffID | undefined])[],
  ) {
    const rows = pairHistory(configWith([one, two], history));
    t.deepEqual(
      rows.map(({ entry, layer: found }) => [entry?.created_by, found?.diffId]),
      expected.map((pair) => [...pair]),
    );
  },
  title: (name) => `history: ${name}`,
});
const [a, b, c, empty] = [
  { created_by: 'a' },
  { created_by: 'b' },
  { created_by: 'c' },
  { created_by: 'e', empty_layer: true },
];
test(
  'entries take layers in order, empty ones none',
  pairs,
  [a, empty, b],
  [
    ['a', one],
    ['e', undefined],
    ['b', two],
  ],
);
test(
  'layers without entries come last',
  pairs,
  [a],
  [
    ['a', one],
    [undefined, two],
  ],
);
test(
  'entries without layers stand alone',
  pairs,
  [a, b, c],
  [
    ['a', one],
    ['b', two],
    ['c', undefined],
  ],
);
test(
  'no history',
  pairs,
  [],
  [
    [undefined, one],
    [undefined, two],
  ],
);

test('a history fits when it has one entry per layer, or none', (t) => {
  t.true(historyFits(configWith([one, two], [a, empty, b])));
  t.true(historyFits(configWith([one, two], [])));
  t.true(historyFits(configWith([one])));
  t.false(historyFits(configWith([one, two], [a])));
  t.false(historyFits(configWith([one], [a, b])));
});
