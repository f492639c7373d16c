/** Manifests and tags that a registry gets wrong. */
import test, { type ExecutionContext } from 'ava';
import { digestOf } from '../../src/oci/digest.js';
import { mediaTypes } from '../../src/oci/media-types.js';
import { parseReference } from '../../src/oci/reference.js';
import { pullManifest } from '../../src/registry/pull-manifest.js';
import { TsbuildError } from '../../src/util/errors.js';
import { faults, startFaultServer, type Fault, type Rule } from '../helpers/fault-server.js';
import { answer, type ApiAnswer } from '../helpers/memory-registry.js';
import { collect, quickClient, recordedJob, testImage, testIndex } from '../helpers/registry-values.js';

const image = testImage();
const amd64 = { os: 'linux', architecture: 'amd64' };
const path = /\/manifests\//;

async function setUp(t: ExecutionContext, rules: readonly Rule[] = []) {
  const server = await startFaultServer({ rules });
  const client = quickClient();
  t.teardown(() => server.close());
  t.teardown(() => client.close());
  server.registry.addManifest('a', 'v1', { mediaType: image.descriptor.mediaType, bytes: image.bytes });
  if (image.config !== undefined) server.registry.addBlob('a', await collect(image.config.open()));
  const named = (suffix: string) => parseReference(`${server.host}/a${suffix}`);
  return { server, client, named, job: recordedJob() };
}

const resolves = test.macro({
  async exec(t, rules: readonly Rule[], methods: string) {
    const { server, client, named, job } = await setUp(t, rules);
    t.deepEqual(await client.resolve(named(':v1'), job), { descriptor: image.descriptor });
    t.is(
      server
        .requests(undefined, path)
        .map(({ method }) => method)
        .join(' '),
      methods,
    );
  },
  title: (name) => `resolves: ${name}`,
});

const head = (fault: Fault): readonly Rule[] => [{ method: 'HEAD', path, fault }];
test('by HEAD', resolves, [], 'HEAD');
test('HEAD is not allowed', resolves, head(faults.status(405)), 'HEAD GET');
test('HEAD answers 404 where GET does not', resolves, head(faults.status(404)), 'HEAD GET');
test(
  'HEAD does not say the digest',
  resolves,
  head({ kind: 'headers', headers: { 'Docker-Content-Digest': '' } }),
  'HEAD GET',
);
test(
  'HEAD says an impossible digest',
  resolves,
  head({ kind: 'headers', headers: { 'Docker-Content-Digest': 'sha256:../../x' } }),
  'HEAD GET',
);
test(
  'HEAD does not say the length',
  resolves,
  head({ kind: 'headers', headers: { 'Content-Length': '' } }),
  'HEAD GET',
);
test(
  'HEAD says a useless type',
  resolves,
  head({ kind: 'headers', headers: { 'Content-Type': 'text/html' } }),
  'HEAD GET',
);
test(
  'HEAD fails for a while',
  resolves,
  [{ method: 'HEAD', path, nth: [1, 2], fault: faults.status(502) }],
  'HEAD HEAD HEAD',
);
test(
  'types may have parameters',
  resolves,
  head({ kind: 'headers', headers: { 'Content-Type': `${mediaTypes.ociManifest}; charset=utf-8` } }),
  'HEAD',
);

test('a name that is not there is undefined, or a failure when fetched', async (t) => {
  const { client, named, job } = await setUp(t);
  t.is(await client.resolve(named(':v2'), job), undefined);
  const error = await t.throwsAsync(client.manifest(named(':v2'), job), {
    instanceOf: TsbuildError,
    code: 'registry',
    message: /a:v2 does not exist/,
  });
  t.truthy(error?.hint);
});

test('all six types are accepted, and so is any', async (t) => {
  const { server, client, named, job } = await setUp(t);
  await client.manifest(named(':v1'), job);
  const accept = server.seen.at(-1)?.headers.accept ?? '';
  for (const type of [
    mediaTypes.ociManifest,
    mediaTypes.ociIndex,
    mediaTypes.dockerManifest,
    mediaTypes.dockerList,
  ])
    t.true(accept.includes(type));
});

for (const type of ['', 'text/plain', 'application/json', 'application/octet-stream; charset=binary']) {
  test(`the document says its type when the registry says ${JSON.stringify(type)}`, async (t) => {
    const { client, named, job } = await setUp(t, [
      { path, fault: { kind: 'headers', headers: { 'Content-Type': type } } },
    ]);
    t.is((await client.manifest(named(':v1'), job)).descriptor.mediaType, mediaTypes.ociManifest);
  });
}

const other = Buffer.from('{}');
test('other bytes for a digest are refused, also when the header agrees with them', async (t) => {
  const { client, named, job } = await setUp(t, [
    { path, fault: { kind: 'answer', answer: stated(other, digestOf(other)) } },
  ]);
  await t.throwsAsync(client.manifest(named(`@${image.descriptor.digest}`), job), {
    code: 'image',
    message: /sent a manifest with the digest/,
  });
});

test('a header that lies about the digest is refused', async (t) => {
  const { client, named, job } = await setUp(t, [
    { path, fault: { kind: 'answer', answer: stated(other, image.descriptor.digest) } },
  ]);
  await t.throwsAsync(client.manifest(named(':v1'), job), { code: 'image', message: /the bytes are/ });
});

test('other bytes once are asked for again', async (t) => {
  const { client, named, job } = await setUp(t, [
    { path, nth: [1], fault: { kind: 'answer', answer: stated(other, digestOf(other)) } },
  ]);
  t.is(
    (await client.manifest(named(`@${image.descriptor.digest}`), job)).descriptor.digest,
    image.descriptor.digest,
  );
  t.is(job.warnings.length, 1);
});

test('a manifest of 5 MiB or without end is refused', async (t) => {
  const faultsOf: readonly Fault[] = [
    { kind: 'answer', answer: answer(200, {}, Buffer.alloc(5 * 1024 * 1024, 32)) },
    { kind: 'endless' },
  ];
  for (const fault of faultsOf) {
    const { client, named, job } = await setUp(t, [{ path, fault }]);
    await t.throwsAsync(client.manifest(named(':v1'), job), { code: 'image', message: /larger than/ });
  }
});

function stated(bytes: Buffer, digest: string): ApiAnswer {
  return answer(200, { 'Content-Type': mediaTypes.ociManifest, 'Docker-Content-Digest': digest }, bytes);
}

const pullRefused = test.macro({
  async exec(t, document: unknown, mediaType: string, message: RegExp) {
    const { server, client, named, job } = await setUp(t);
    const bytes = Buffer.from(typeof document === 'string' ? document : JSON.stringify(document));
    server.registry.addManifest('a', 'bad', { mediaType, bytes });
    const error = await t.throwsAsync(pullManifest(client, named(':bad'), amd64, job), {
      instanceOf: TsbuildError,
    });
    t.is(error?.code, 'image');
    t.regex(error?.message ?? '', message);
    t.regex(error?.message ?? '', /\/a:bad/);
  },
  title: (name) => `no image: ${name}`,
});

const config = image.config?.descriptor;
test(
  'layers and manifests at once',
  pullRefused,
  { schemaVersion: 2, config, layers: [], manifests: [] },
  mediaTypes.ociIndex,
  /image and an index/,
);
test(
  'another type than announced',
  pullRefused,
  { schemaVersion: 2, mediaType: mediaTypes.ociIndex, config, layers: [] },
  mediaTypes.ociManifest,
  /announced/,
);
test(
  'schema 1',
  pullRefused,
  { schemaVersion: 1, name: 'a', fsLayers: [] },
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
  /schema 1/,
);
test('no JSON', pullRefused, 'hello', mediaTypes.ociManifest, /JSON/);
test(
  'a key twice',
  pullRefused,
  '{"schemaVersion":2,"layers":[],"layers":[]}',
  mediaTypes.ociManifest,
  /layers/,
);
test(
  'a digest that is a path',
  pullRefused,
  { schemaVersion: 2, config: { ...config, digest: 'sha256:../../x' }, layers: [] },
  mediaTypes.ociManifest,
  /digest/,
);
test(
  'a size that is negative',
  pullRefused,
  { schemaVersion: 2, config: { ...config, size: -1 }, layers: [] },
  mediaTypes.ociManifest,
  /size/,
);
test(
  'a config of a gigabyte',
  pullRefused,
  { schemaVersion: 2, config: { ...config, size: 2 ** 30 }, layers: [] },
  mediaTypes.ociManifest,
  /larger than/,
);
test(
  'more layers than the config has',
  pullRefused,
  { schemaVersion: 2, config, layers: [] },
  mediaTypes.ociManifest,
  /layers/,
);
test(
  'an index without the platform',
  pullRefused,
  { schemaVersion: 2, manifests: [] },
  mediaTypes.ociIndex,
  /no image for linux\/amd64/,
);

test('an index that contains itself is refused', async (t) => {
  const { server, client, named, job } = await setUp(t);
  let bytes = image.bytes;
  let mediaType: string = image.descriptor.mediaType;
  for (let depth = 0; depth < 5; depth++) {
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length, platform: amd64 };
    bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [descriptor] }),
    );
    mediaType = mediaTypes.ociIndex;
    server.registry.addManifest('a', `depth${depth}`, { mediaType, bytes });
  }
  t.is((await pullManifest(client, named(':depth2'), amd64, job)).descriptor.digest, image.descriptor.digest);
  await t.throwsAsync(pullManifest(client, named(':depth4'), amd64, job), {
    code: 'image',
    message: /index of indexes/,
  });
});

test('an image of another platform is used, with a warning', async (t) => {
  const { client, named, job } = await setUp(t);
  await pullManifest(client, named(':v1'), { os: 'linux', architecture: 'arm64' }, job);
  t.regex(job.warnings[0] ?? '', /is for "linux\/amd64", not for linux\/arm64/);
});

test('a tag that moves during a pull does not mix two images', async (t) => {
  const { server, client, named, job } = await setUp(t);
  const [old, young] = [testImage(), testImage({ layers: [Buffer.from('new')] })];
  const index = testIndex([{ architecture: 'amd64', image: old }]);
  server.registry.addManifest('a', 'moving', { mediaType: mediaTypes.ociIndex, bytes: index.bytes });
  server.registry.addManifest('a', old.descriptor.digest, {
    mediaType: mediaTypes.ociManifest,
    bytes: old.bytes,
  });
  const pulling = pullManifest(client, named(':moving'), amd64, job);
  const pulled = await pulling;
  server.registry.addManifest('a', 'moving', { mediaType: mediaTypes.ociManifest, bytes: young.bytes });
  t.is(pulled.descriptor.digest, old.descriptor.digest);
  t.true(
    server.requests('GET', /manifests\/sha256/).length > 0,
    'below the root everything is asked for by digest',
  );
});

const pages = (answers: readonly (readonly [tags: readonly string[], link: string])[]): readonly Rule[] =>
  answers.map(([tags, link], i) => ({
    path: /\/tags\/list/,
    nth: [i + 1],
    fault: {
      kind: 'answer',
      answer: answer(
        200,
        link === '' ? {} : { Link: link },
        Buffer.from(JSON.stringify({ name: 'a', tags })),
      ),
    },
  }));

test('tags are read page by page', async (t) => {
  const { client, named, job, server } = await setUp(
    t,
    pages([
      [['a'], '</v2/a/tags/list?last=a&n=1>; rel="next"'],
      [['b'], ''],
      [[], ''],
    ]),
  );
  t.deepEqual(await client.listTags(named(''), job), ['a', 'b']);
  t.deepEqual(
    server.seen.map(({ path: asked }) => asked),
    ['/v2/a/tags/list', '/v2/a/tags/list?last=a&n=1'],
  );
});

test('tags: null is none, and no repository has none', async (t) => {
  const { client, named, job } = await setUp(t, [
    {
      path: /tags/,
      nth: [1],
      fault: { kind: 'answer', answer: answer(200, {}, Buffer.from('{"tags":null}')) },
    },
    { path: /tags/, nth: [2], fault: faults.status(404, 'NAME_UNKNOWN') },
  ]);
  t.deepEqual(await client.listTags(named(''), job), []);
  t.deepEqual(await client.listTags(named(''), job), []);
});

for (const [name, link] of [
  ['to another port', '<http://127.0.0.1:1/v2/a/tags/list>; rel="next"'],
  ['to another host', '<https://example.com/v2/a/tags/list>; rel="next"'],
  ['in a circle', '</v2/a/tags/list?x>; rel="next"'],
] as const) {
  test(`pages that lead ${name} are not followed`, async (t) => {
    const { client, named, job, server } = await setUp(
      t,
      pages([
        [['a'], link],
        [['a'], link],
        [['a'], link],
      ]),
    );
    await t.throwsAsync(client.listTags(named(''), job), { instanceOf: TsbuildError, code: 'registry' });
    t.true(server.seen.length <= 3);
  });
}

test('tags that are no tags are left out', async (t) => {
  const { client, named, job } = await setUp(t, [
    {
      path: /tags/,
      fault: { kind: 'answer', answer: answer(200, {}, Buffer.from('{"tags":["ok","a/b","\\u001b[2J",5]}')) },
    },
  ]);
  t.deepEqual(await client.listTags(named(''), job), ['ok']);
});

test('warnings of a registry are told once, escaped', async (t) => {
  const warning = '299 - "this \\"tag\\" goes away", 299 reg "two\u009b", 199 - "not for users"';
  const { client, named, job, server } = await setUp(t, [
    { fault: { kind: 'headers', headers: { Warning: warning } } },
  ]);
  await client.resolve(named(':v1'), job);
  await client.resolve(named(':v1'), job);
  t.deepEqual(job.warnings, [`${server.host} says: this "tag" goes away`, `${server.host} says: two\\u{9b}`]);
});
