import test from 'ava';
import { digestOf } from '../../src/oci/digest.js';
import { mediaTypes } from '../../src/oci/media-types.js';
import { maxDocumentSize } from '../../src/oci/strict-json.js';
import { parseImageConfig, parseImageDocument } from '../../src/oci/validate.js';
import { checkImage } from '../../src/oci/validate-config.js';
import { TsbuildError } from '../../src/util/errors.js';

const digest = digestOf('x');
const layer = { mediaType: mediaTypes.ociLayer, digest, size: 1 };
const manifest = {
  schemaVersion: 2,
  config: { mediaType: mediaTypes.ociConfig, digest, size: 1 },
  layers: [layer],
};
const index = { schemaVersion: 2, manifests: [{ mediaType: mediaTypes.ociManifest, digest, size: 1 }] };
const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [digest] } };

function bytesOf(value: unknown): Buffer {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
}

const refusesDocument = test.macro({
  exec(t, value: unknown, message: RegExp, mediaType?: string) {
    const error = t.throws(() => parseImageDocument(bytesOf(value), mediaType), { instanceOf: TsbuildError });
    t.is(error?.code, 'image');
    t.regex(error?.message ?? '', message);
  },
  title: (name) => `document refused: ${name}`,
});

test('a manifest and an index are told apart without a media type', (t) => {
  t.is(parseImageDocument(bytesOf(manifest), undefined).kind, 'manifest');
  t.is(parseImageDocument(bytesOf(index), undefined).kind, 'index');
});
test('parameters of the announced media type are ignored', (t) => {
  t.is(parseImageDocument(bytesOf(index), `${mediaTypes.ociIndex}; charset=utf-8`).kind, 'index');
});
test('layers: null is an image without layers', (t) => {
  const document = parseImageDocument(bytesOf({ ...manifest, layers: null }), mediaTypes.ociManifest);
  t.deepEqual(document.kind === 'manifest' && document.manifest.layers, []);
});
test('embedded data equal to the digest is accepted and dropped', (t) => {
  const data = Buffer.from('x').toString('base64');
  const document = parseImageDocument(bytesOf({ ...manifest, layers: [{ ...layer, data }] }), undefined);
  t.deepEqual(document.kind === 'manifest' && document.manifest.layers, [layer]);
});

test('layers and manifests at once', refusesDocument, { ...manifest, ...index }, /at once/);
test('config and manifests at once', refusesDocument, { ...index, config: manifest.config }, /at once/);
test('schema 1', refusesDocument, { schemaVersion: 1, fsLayers: [] }, /obsolete/);
test('no schemaVersion', refusesDocument, { layers: [] }, /schemaVersion/);
test(
  'own media type differs',
  refusesDocument,
  { ...manifest, mediaType: mediaTypes.ociIndex },
  /announced/,
  mediaTypes.ociManifest,
);
test('index announced as manifest', refusesDocument, index, /does not fit/, mediaTypes.ociManifest);
test('unknown media type', refusesDocument, manifest, /does not fit/, 'text/plain');
test('array', refusesDocument, '[]', /not an object/);
test('not JSON', refusesDocument, '{', /not valid JSON/);
test('byte order mark', refusesDocument, `\ufeff${JSON.stringify(manifest)}`, /not valid JSON/);
test('member twice', refusesDocument, '{"schemaVersion":2,"schemaVersion":2}', /twice/);
test('member twice in escapes', refusesDocument, '{"layers":[],"l\\u0061yers":[]}', /twice/);
test('member in another case', refusesDocument, { ...manifest, Layers: [] }, /take for "layers"/);
test('member with a long s', refusesDocument, { ...manifest, 'layer\u017f': [] }, /take for "layers"/);
test('__proto__', refusesDocument, '{"schemaVersion":2,"__proto__":{}}', /__proto__/);
test('lone surrogate', refusesDocument, '{"a":"\\ud800"}', /surrogate/);
test('deep nesting', refusesDocument, '['.repeat(100_000) + ']'.repeat(100_000), /nested/);
test('too large', refusesDocument, ' '.repeat(maxDocumentSize + 1), /larger/);
test(
  'index of 1001',
  refusesDocument,
  { ...index, manifests: Array(1001).fill(index.manifests[0]) },
  /more than 1000/,
);
for (const size of [-1, 1.5, 2 ** 53, '10', null, undefined]) {
  test(
    `descriptor size ${String(size)} ${typeof size}`,
    refusesDocument,
    { ...manifest, layers: [{ ...layer, size }] },
    /size/,
  );
}
for (const wrong of [digest.toUpperCase(), 'sha512:00', 'sha256:../../etc', 7]) {
  test(
    `descriptor digest ${wrong}`,
    refusesDocument,
    { ...manifest, layers: [{ ...layer, digest: wrong }] },
    /digest/,
  );
}
test(
  'descriptor media type',
  refusesDocument,
  { ...manifest, layers: [{ ...layer, mediaType: 'x' }] },
  /media type/,
);
test(
  'embedded data that differs',
  refusesDocument,
  { ...manifest, layers: [{ ...layer, data: 'eQ==' }] },
  /data/,
);

const refusesConfig = test.macro({
  exec(t, value: unknown, message: RegExp) {
    const error = t.throws(() => parseImageConfig(bytesOf(value)), { instanceOf: TsbuildError });
    t.regex(error?.message ?? '', message);
  },
  title: (name) => `config refused: ${name}`,
});

test('config: unknown members are kept, null members of known names are dropped', (t) => {
  const inner = {
    Cmd: null,
    Env: ['A=1', 'B'],
    Hostname: 'h',
    Volumes: { '/v': null },
    Labels: { a: '1', A: '2' },
  };
  const parsed = parseImageConfig(bytesOf({ ...config, created: null, config: inner, docker_version: '1' }));
  t.deepEqual(parsed, {
    ...config,
    docker_version: '1',
    config: { Env: ['A=1', 'B'], Hostname: 'h', Volumes: { '/v': {} }, Labels: { a: '1', A: '2' } },
  } as unknown as typeof parsed);
});
test('config: diff_ids null is no layer', (t) => {
  const parsed = parseImageConfig(bytesOf({ ...config, rootfs: { type: 'layers', diff_ids: null } }));
  t.deepEqual(parsed.rootfs.diff_ids, []);
});
test('no rootfs', refusesConfig, { ...config, rootfs: undefined }, /rootfs/);
test('Config beside config', refusesConfig, { ...config, config: {}, Config: {} }, /take for "config"/);
test('env in another case', refusesConfig, { ...config, config: { env: ['A=1'] } }, /take for "Env"/);
test(
  'Entrypoint as text',
  refusesConfig,
  { ...config, config: { Entrypoint: '/bin/sh' } },
  /Entrypoint is not an array/,
);
test('Env of numbers', refusesConfig, { ...config, config: { Env: [1] } }, /Env\[0\] is not a string/);
test('NUL in Env', refusesConfig, { ...config, config: { Env: ['A=\0'] } }, /NUL/);
test('history that is an object', refusesConfig, { ...config, history: {} }, /history is not an array/);
test('no architecture', refusesConfig, { ...config, architecture: undefined }, /architecture/);

test('a manifest whose layer count differs from the config is refused', (t) => {
  const parsed = parseImageConfig(bytesOf(config));
  const document = parseImageDocument(bytesOf({ ...manifest, layers: [] }), undefined);
  if (document.kind !== 'manifest') return t.fail();
  t.throws(() => checkImage(document.manifest, parsed), { message: /0 layers/ });
});
