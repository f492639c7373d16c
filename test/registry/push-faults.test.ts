/** What a registry can do wrong while something is pushed, and what comes of it. */
import anyTest, { type ExecutionContext } from 'ava';
import { parseReference } from '../../src/oci/reference.js';
import { pushImage } from '../../src/registry/push-image.js';
import type { PushOutcome } from '../../src/registry/types.js';
import { TsbuildError, type ErrorCode } from '../../src/util/errors.js';
import { faults, startFaultServer, type Fault, type Rule } from '../helpers/fault-server.js';
import { answer, failure } from '../helpers/memory-registry.js';
import {
  fixedCredentials,
  memoryBlob,
  noise,
  quickClient,
  recordedJob,
  testImage,
} from '../helpers/registry-values.js';

const test = anyTest.serial; // where something stalls, timeouts are short
const bytes = noise(1_000_000, 9);
const uploads = /\/blobs\/uploads\//;
const password = 'pass-word-1';

async function setUp(
  t: ExecutionContext,
  rules: readonly Rule[],
  options: Parameters<typeof quickClient>[0] = {},
) {
  const server = await startFaultServer({ rules });
  const client = quickClient({
    timeouts: patience(rules),
    credentials: fixedCredentials({ kind: 'basic', username: 'u', password }),
    chunkSize: 100_000,
    ...options,
  });
  t.teardown(() => server.close());
  t.teardown(() => client.close());
  return { server, client, job: recordedJob(), where: { registry: server.host, repository: 'a' } };
}

/** Short only where a stall is expected: a busy machine is slow too. */
function patience(rules: readonly Rule[]) {
  const milliseconds = rules.some(({ fault }) => fault.kind === 'stall') ? 700 : 20_000;
  return { idle: milliseconds, connect: 20_000, commit: milliseconds };
}

interface Arrived {
  readonly warnings: number;
  readonly outcome?: PushOutcome;
  /** Bytes of the blob that the registry was sent at most, in all requests. */
  readonly bytes?: number;
  /** Requests that open, fill or end uploads, in their order. */
  readonly methods?: string;
  readonly mountFrom?: readonly string[];
}

const arrives = anyTest.macro({
  async exec(t, rules: readonly Rule[], expected: Arrived) {
    const { server, client, job, where } = await setUp(t, rules);
    const blob = memoryBlob(bytes);
    server.registry.addBlob('other', Buffer.from('x'));
    const outcome = await client.pushBlob(where, { ...blob, mountFrom: expected.mountFrom }, job, 's');
    t.is(outcome, expected.outcome ?? 'uploaded');
    t.true(server.registry.blobs.get(`a@${blob.descriptor.digest}`)?.equals(bytes));
    t.is(job.warnings.length, expected.warnings, job.warnings.join('\n'));
    const sent = server.seen.reduce((sum, { received }) => sum + received, 0);
    t.true(sent <= (expected.bytes ?? bytes.length), `${sent} bytes`);
    if (expected.methods !== undefined)
      t.is(
        server
          .requests(undefined, uploads)
          .map(({ method }) => method)
          .join(' '),
        expected.methods,
      );
  },
  title: (name) => `arrives: ${name}`,
});

const on = (method: string, fault: Fault, ...nth: number[]): Rule => ({
  method,
  path: uploads,
  fault,
  ...(nth.length > 0 ? { nth } : {}),
});

test('nothing wrong: one PUT', arrives, [], { warnings: 0, methods: 'POST PUT' });
test(
  'opening is reset once on a kept connection, which says nothing',
  arrives,
  [on('POST', { kind: 'reset', after: 0 }, 1)],
  {
    warnings: 0,
    methods: 'POST POST PUT',
  },
);
for (const status of [408, 429, 500, 502, 503, 504]) {
  test(`opening answers ${status} once`, arrives, [on('POST', faults.status(status), 1)], {
    warnings: 1,
    methods: 'POST POST PUT',
  });
}
test(
  'reset in the middle of PUT, what came is kept: only the rest is sent',
  arrives,
  [on('PUT', { kind: 'reset', after: 600_000, keep: true }, 1)],
  {
    warnings: 1,
    bytes: bytes.length + 70_000,
  },
);
test(
  'reset in the middle of PUT, nothing is kept: in chunks from the beginning',
  arrives,
  [on('PUT', { kind: 'reset', after: 600_000 }, 1)],
  {
    warnings: 1,
    bytes: bytes.length + 700_000,
  },
);
test(
  'chunks that are reset ten times lose one chunk each',
  arrives,
  [
    on('PUT', { kind: 'reset', after: 1 }, 1),
    on('PATCH', { kind: 'reset', after: 50_000 }, 2, 4, 6, 8, 10, 12, 14, 16, 18, 19),
  ],
  { warnings: 11, bytes: 2 * bytes.length + 200_000 },
);
test(
  'part of a chunk is kept: only the rest is sent',
  arrives,
  [on('PUT', { kind: 'reset', after: 1 }, 1), on('PATCH', { kind: 'reset', after: 65_536, keep: true }, 3)],
  { warnings: 2, bytes: bytes.length + 150_000 },
);
for (const status of [408, 429, 500, 502, 503, 504]) {
  test(`PUT answers ${status} once`, arrives, [on('PUT', faults.status(status), 1)], {
    warnings: 1,
    bytes: 2 * bytes.length,
  });
}
test(
  'the answer to PUT is lost: the blob is found, nothing is sent again',
  arrives,
  [on('PUT', { kind: 'lose-answer' }, 1)],
  { warnings: 1, methods: 'POST PUT' },
);
test(
  'the answer to a chunk is lost: the upload is asked how far it is',
  arrives,
  [on('PUT', { kind: 'reset', after: 1 }, 1), on('PATCH', { kind: 'lose-answer' }, 3)],
  { warnings: 2, bytes: bytes.length + 70_000 },
);
test('PUT stalls once', arrives, [on('PUT', { kind: 'stall' }, 1)], { warnings: 1, bytes: 2 * bytes.length });
test('a lost upload is begun anew', arrives, [on('PUT', faults.status(404, 'BLOB_UPLOAD_UNKNOWN'), 1)], {
  warnings: 1,
  bytes: 2 * bytes.length,
});
test('an invalid upload is begun anew', arrives, [on('PUT', faults.status(400, 'BLOB_UPLOAD_INVALID'), 1)], {
  warnings: 1,
  bytes: 2 * bytes.length,
});
test(
  '400 without a reason is tried again',
  arrives,
  [on('PUT', { kind: 'answer', answer: answer(400) }, 1)],
  { warnings: 1, bytes: 2 * bytes.length },
);
test(
  '416 for a chunk: goes on where the registry is',
  arrives,
  [on('PUT', { kind: 'reset', after: 1 }, 1), on('PATCH', faults.status(416, 'RANGE_INVALID'), 4)],
  { warnings: 2, bytes: bytes.length + 200_000 },
);
test(
  '413: in smaller requests',
  arrives,
  [{ method: 'PUT', path: uploads, nth: [1], fault: faults.status(413) }],
  { warnings: 0, bytes: 2 * bytes.length },
);
test(
  '413 before the body was read',
  arrives,
  [on('PUT', { kind: 'early', answer: { ...failure(413, 'X'), headers: { Connection: 'close' } } }, 1)],
  { warnings: 0, bytes: bytes.length + 100_000 },
);
test(
  'no PATCH: whole again',
  arrives,
  [on('PUT', { kind: 'reset', after: 1 }, 1), on('PATCH', faults.status(405, 'UNSUPPORTED'))],
  {
    warnings: 1,
    bytes: bytes.length + 400_000,
  },
);
test(
  'the upload cannot be asked how far it is',
  arrives,
  [on('PUT', { kind: 'reset', after: 600_000, keep: true }, 1), on('GET', faults.status(404))],
  {
    warnings: 1,
    bytes: bytes.length + 700_000,
  },
);
test(
  'the password is refused once',
  arrives,
  [
    on(
      'POST',
      {
        kind: 'answer',
        answer: { ...failure(401, 'UNAUTHORIZED'), headers: { 'WWW-Authenticate': 'Basic realm="x"' } },
      },
      1,
    ),
  ],
  {
    warnings: 0,
  },
);

const location = (change: (path: string, port: number) => string): Fault => ({
  kind: 'answer',
  answer: ({ headers }) => {
    const port = Number(headers.host?.split(':')[1]);
    return answer(202, { Location: change('/v2/a/blobs/uploads/manual', port) });
  },
});
const manual: Rule = {
  method: 'PUT',
  path: /uploads\/manual/,
  fault: {
    kind: 'answer',
    answer: ({ url }) => answer(201, { 'Docker-Content-Digest': url.searchParams.get('digest') ?? '' }),
  },
};
for (const [name, change, path] of [
  ['relative', (path) => path, /manual\?digest=sha256%3A/],
  ['absolute', (path, port) => `http://127.0.0.1:${port}${path}`, /manual\?digest=/],
  [
    'with a query, which stays as it is',
    (path) => `${path}?_state=a%2Fb%3D&x=%20+`,
    /manual\?_state=a%2Fb%3D&x=%20\+&digest=/,
  ],
  ['relative to the path', () => 'manual', /uploads\/manual\?digest=/],
  ['without a scheme', (path, port) => `//127.0.0.1:${port}${path}`, /manual/],
] as [string, (path: string, port: number) => string, RegExp][]) {
  test(`a Location ${name}`, async (t) => {
    const { server, client, job, where } = await setUp(t, [on('POST', location(change)), manual]);
    t.is(await client.pushBlob(where, memoryBlob(bytes), job, 's'), 'uploaded');
    t.regex(server.requests('PUT')[0]?.path ?? '', path);
  });
}

test('an upload on another port gets the bytes but no credentials', async (t) => {
  const storage = await startFaultServer({ rules: [{ ...manual, path: /stored/ }] });
  t.teardown(() => storage.close());
  const { client, job, where, server } = await setUp(t, [
    on(
      'POST',
      { kind: 'answer', answer: { ...failure(401, 'X'), headers: { 'WWW-Authenticate': 'Basic realm=x' } } },
      1,
    ),
    on('POST', { kind: 'answer', answer: answer(202, { Location: `${storage.origin}/stored?sig=1` }) }, 2),
  ]);
  t.is(await client.pushBlob(where, memoryBlob(bytes), job, 's'), 'uploaded');
  t.is(storage.seen[0]?.received, bytes.length);
  t.is(storage.seen[0]?.headers.authorization, undefined);
  t.truthy(server.seen.at(-1)?.headers.authorization);
});

interface Refused {
  readonly message: RegExp;
  readonly code?: ErrorCode;
  /** Bytes sent at most. */
  readonly bytes?: number;
  readonly hint?: RegExp;
}

const refuses = anyTest.macro({
  async exec(t, rules: readonly Rule[], { message, code = 'registry', bytes: most = 0, hint }: Refused) {
    const { server, client, job, where } = await setUp(t, rules);
    const error = await t.throwsAsync(client.pushBlob(where, memoryBlob(bytes), job, 's'), {
      instanceOf: TsbuildError,
    });
    t.is(error?.code, code);
    t.regex(error?.message ?? '', message);
    if (hint !== undefined) t.regex(error?.hint ?? '', hint);
    t.false(`${error?.message} ${error?.hint}`.includes(password));
    const sent = server.seen.reduce((sum, { received }) => sum + received, 0);
    t.true(sent <= most, `${sent} bytes`);
  },
  title: (name) => `refused: ${name}`,
});

test(
  '403 before the body was read',
  refuses,
  [on('PUT', { kind: 'early', answer: failure(403, 'DENIED') })],
  {
    message: /403 Forbidden/,
    code: 'auth',
  },
);
test('403', refuses, [on('POST', faults.status(403, 'DENIED'))], {
  message: /403 Forbidden \(DENIED/,
  code: 'auth',
  hint: /may do that/,
});
test('404 for the repository', refuses, [on('POST', faults.status(404, 'NAME_UNKNOWN'))], {
  message: /404/,
  hint: /created first/,
});
test('401 without a challenge', refuses, [on('POST', faults.status(401))], {
  message: /without saying how/,
  code: 'auth',
});
test(
  '401 for the password',
  refuses,
  [
    on('POST', {
      kind: 'answer',
      answer: { ...failure(401, 'X'), headers: { 'WWW-Authenticate': 'Basic realm=x' } },
    }),
  ],
  {
    message: /refused the user name or password/,
    code: 'auth',
    hint: /tsbuild login/,
  },
);
test(
  'a password that the registry repeats',
  refuses,
  [
    on(
      'POST',
      { kind: 'answer', answer: { ...failure(401, 'X'), headers: { 'WWW-Authenticate': 'Basic realm=x' } } },
      1,
    ),
    on('POST', {
      kind: 'answer',
      answer: ({ headers }) => failure(400, 'X', `no ${headers.authorization} and ${password}`),
    }),
  ],
  { message: /no Basic … and …/ },
);
test('a wrong digest', refuses, [on('PUT', faults.status(400, 'DIGEST_INVALID'))], {
  message: /DIGEST_INVALID/,
  bytes: bytes.length,
});
test('413 for every size', refuses, [on('PUT', faults.status(413)), on('PATCH', faults.status(413))], {
  message: /413 Content Too Large/,
  bytes: 3 * bytes.length,
  hint: /client_max_body_size/,
});
test('503 without end', refuses, [on('POST', faults.status(503))], { message: /503/ });
test(
  'uploads that are lost without end',
  refuses,
  [
    on('PUT', faults.status(404, 'BLOB_UPLOAD_UNKNOWN')),
    on('PATCH', faults.status(404, 'BLOB_UPLOAD_UNKNOWN')),
  ],
  {
    message: /BLOB_UPLOAD_UNKNOWN/,
    bytes: 2 * bytes.length,
  },
);
test(
  'an upload that is forgotten whenever it gets far',
  refuses,
  [
    on('PUT', { kind: 'reset', after: 1 }),
    on('PATCH', faults.status(404, 'BLOB_UPLOAD_UNKNOWN'), 4, 8, 12, 16, 20, 24, 28, 32),
  ],
  { message: /BLOB_UPLOAD_UNKNOWN/, bytes: 2_400_000 },
);
test(
  'the registry stores another digest',
  refuses,
  [on('PUT', { kind: 'headers', headers: { 'Docker-Content-Digest': `sha256:${'0'.repeat(64)}` } })],
  {
    message: /stored it as sha256:0000/,
    bytes: bytes.length,
  },
);
test('PUT answers 202 and there is no blob', refuses, [on('PUT', { kind: 'answer', answer: answer(202) })], {
  message: /202, which is not expected/,
  bytes: bytes.length,
});
for (const [name, header, message] of [
  ['missing', '', /without saying where/],
  ['a file', 'file:///etc/passwd', /not http/],
  ['a metadata service', 'https://169.254.169.254/latest', /internal address/],
  ['plain http elsewhere', 'http://example.com/x', /plain http/],
  ['with a user', 'https://u:p@example.com/x', /user name/],
  ['10 kB', `/v2/${'x'.repeat(10_000)}`, /too long/],
] as [string, string, RegExp][]) {
  test(`Location: ${name}`, refuses, [on('POST', { kind: 'headers', headers: { Location: header } })], {
    message,
  });
}
for (const status of [200, 201, 204]) {
  test(`opening answers ${status}`, refuses, [on('POST', { kind: 'answer', answer: answer(status) })], {
    message: /not expected/,
  });
}

const mountable = (t: ExecutionContext, rules: readonly Rule[]) => setUp(t, rules);
for (const [name, rules, outcome] of [
  ['is accepted', [], 'mounted'],
  [
    'is declined with 202',
    [
      {
        path: /mount=/,
        fault: { kind: 'answer', answer: answer(202, { Location: '/v2/a/blobs/uploads/manual' }) },
      },
      manual,
    ],
    'uploaded',
  ],
  ['is refused with 403', [{ path: /mount=/, fault: faults.status(403, 'DENIED') }], 'uploaded'],
  ['is refused with 404', [{ path: /mount=/, fault: faults.status(404, 'BLOB_UNKNOWN') }], 'uploaded'],
  ['is refused with 405', [{ path: /mount=/, fault: faults.status(405, 'UNSUPPORTED') }], 'uploaded'],
  [
    'is confirmed, but the blob is not there',
    [{ path: /mount=/, fault: { kind: 'answer', answer: answer(201) } }],
    'uploaded',
  ],
  ['fails with 500 for a while', [{ path: /mount=/, nth: [1, 2], fault: faults.status(500) }], 'mounted'],
] as [string, readonly Rule[], PushOutcome][]) {
  test(`a mount ${name}`, async (t) => {
    const { server, client, job, where } = await mountable(t, rules);
    server.registry.addBlob('source', bytes);
    const blob = { ...memoryBlob(bytes), mountFrom: ['source'] };
    t.is(await client.pushBlob(where, blob, job, 's'), outcome);
    if (outcome === 'mounted')
      t.is(
        server.seen.reduce((sum, { received }) => sum + received, 0),
        0,
      );
  });
}

test('chunks are as large as the registry wants them', async (t) => {
  const { server, client, job, where } = await setUp(t, [
    on('POST', { kind: 'headers', headers: { 'OCI-Chunk-Min-Length': '300000' } }),
    on('PUT', { kind: 'reset', after: 1 }, 1),
  ]);
  await client.pushBlob(where, memoryBlob(bytes), job, 's');
  t.deepEqual(
    server.requests('PATCH').map(({ received }) => received),
    [300_000, 300_000, 300_000, 100_000],
  );
  t.deepEqual(server.requests('PATCH').map(({ headers }) => headers['content-range'])[1], '300000-599999');
});

for (const [name, open, pattern] of [
  ['too short', () => pieces(bytes.subarray(0, 10)), /10 bytes, not the 1000000/],
  ['longer and other', () => pieces(Buffer.concat([Buffer.from('x'), bytes])), /DIGEST_INVALID/],
  ['failing', () => failing(), /^disk is gone$/],
] as [string, () => AsyncIterable<Uint8Array>, RegExp][]) {
  test(`a source of ours that is ${name} is not taken for the network`, async (t) => {
    const { client, job, where } = await setUp(t, []);
    const blob = { descriptor: memoryBlob(bytes).descriptor, open };
    await t.throwsAsync(client.pushBlob(where, blob, job, 's'), { any: true, message: pattern });
    t.deepEqual(job.warnings, []);
  });
}

async function* pieces(all: Buffer): AsyncGenerator<Uint8Array> {
  yield all;
}

// eslint-disable-next-line require-yield
async function* failing(): AsyncGenerator<Uint8Array> {
  throw Object.assign(new Error('disk is gone'), { code: 'EIO' });
}

test('blobs are there before manifests, tags come last', async (t) => {
  const { server, client, job } = await setUp(t, []);
  const image = testImage({ layers: [noise(10, 1), noise(10, 2), noise(10, 3)] });
  await pushImage(
    client,
    image,
    [
      parseReference(`${server.host}/a:1`),
      parseReference(`${server.host}/a:2`),
      parseReference(`${server.host}/b:1`),
    ],
    job,
    's',
  );
  const puts = server.requests('PUT').map(({ path }) => (path.includes('/manifests/') ? path : 'blob'));
  t.deepEqual(puts, [
    'blob',
    'blob',
    'blob',
    'blob',
    '/v2/a/manifests/1',
    '/v2/a/manifests/2',
    '/v2/b/manifests/1',
  ]);
  t.is(server.requests('POST', /mount=/).length, 4, 'the second repository mounts from the first');
});

test('no manifest is sent when a blob fails', async (t) => {
  const { server, client, job } = await setUp(t, [on('PUT', faults.status(403, 'DENIED'), 2)]);
  const image = testImage({ layers: [noise(10, 1), noise(10, 2), noise(10, 3)] });
  await t.throwsAsync(pushImage(client, image, [parseReference(`${server.host}/a:1`)], job, 's'), {
    code: 'auth',
  });
  t.is(server.requests('PUT', /manifests/).length, 0);
});

test('a blob that the registry lost meanwhile is sent again', async (t) => {
  const { server, client, job } = await setUp(t, [
    { method: 'PUT', path: /manifests/, nth: [1], fault: faults.status(404, 'MANIFEST_BLOB_UNKNOWN') },
  ]);
  const image = testImage();
  await pushImage(client, image, [parseReference(`${server.host}/a:1`)], job, 's');
  t.is(server.requests('PUT', /manifests/).length, 2);
  t.is(job.warnings.length, 1);
});

test('a blob that the registry loses again and again is a failure', async (t) => {
  const { server, client, job } = await setUp(t, [
    { method: 'PUT', path: /manifests/, fault: faults.status(404, 'MANIFEST_BLOB_UNKNOWN') },
  ]);
  await t.throwsAsync(pushImage(client, testImage(), [parseReference(`${server.host}/a:1`)], job, 's'), {
    message: /MANIFEST_BLOB_UNKNOWN/,
  });
  t.is(server.requests('PUT', /manifests/).length, 2);
});

test('a manifest that is stored under another digest is a failure', async (t) => {
  const { server, client, job } = await setUp(t, [
    {
      method: 'PUT',
      path: /manifests/,
      fault: { kind: 'headers', headers: { 'Docker-Content-Digest': `sha256:${'1'.repeat(64)}` } },
    },
  ]);
  await t.throwsAsync(pushImage(client, testImage(), [parseReference(`${server.host}/a:1`)], job, 's'), {
    message: /stored it as/,
  });
});

test('a manifest that is taken with another answer than 201 is looked for: PUT answers 200 and there is none', async (t) => {
  const { server, client, job } = await setUp(t, [
    { method: 'PUT', path: /manifests/, fault: { kind: 'answer', answer: answer(200) } },
  ]);
  await t.throwsAsync(pushImage(client, testImage(), [parseReference(`${server.host}/a:1`)], job, 's'), {
    message: /does not have it although it took it/,
  });
});

test('a manifest PUT that answers 503 once is repeated', async (t) => {
  const { server, client, job } = await setUp(t, [
    { method: 'PUT', path: /manifests/, nth: [1], fault: faults.status(503) },
  ]);
  await pushImage(client, testImage(), [parseReference(`${server.host}/a:1`)], job, 's');
  t.is(job.warnings.length, 1);
});

test('an immutable tag is said to be one', async (t) => {
  const { server, client, job } = await setUp(t, [
    { method: 'PUT', path: /manifests/, fault: faults.status(400, 'TAG_IMMUTABLE') },
  ]);
  const error = await t.throwsAsync(
    pushImage(client, testImage(), [parseReference(`${server.host}/a:1`)], job, 's'),
    { instanceOf: TsbuildError },
  );
  t.regex(error?.hint ?? '', /another tag/);
});

test('checkPush opens an upload, endCheck abandons it', async (t) => {
  const { server, client, job, where } = await setUp(t, []);
  await client.checkPush(where, job);
  await client.endCheck(where, job);
  t.deepEqual(
    server.requests(undefined, uploads).map(({ method }) => method),
    ['POST', 'DELETE'],
  );
  t.is(server.registry.uploads.size, 0);
});

test('endCheck does not mind that an upload cannot be abandoned', async (t) => {
  const { client, job, where } = await setUp(t, [on('DELETE', faults.status(500))]);
  await client.checkPush(where, job);
  await t.notThrowsAsync(client.endCheck(where, job));
});

test('the next blob is sent in the upload of checkPush', async (t) => {
  const { server, client, job, where } = await setUp(t, []);
  await client.checkPush(where, job);
  t.is(await client.pushBlob(where, memoryBlob(bytes), job, 's'), 'uploaded');
  await client.endCheck(where, job);
  t.deepEqual(
    server.requests(undefined, uploads).map(({ method }) => method),
    ['POST', 'PUT'],
  );
});

test('an upload of checkPush that is lost meanwhile is opened anew', async (t) => {
  const { server, client, job, where } = await setUp(t, []);
  await client.checkPush(where, job);
  server.registry.uploads.clear();
  t.is(await client.pushBlob(where, memoryBlob(bytes), job, 's'), 'uploaded');
  t.true(server.registry.blobs.has(`a@${memoryBlob(bytes).descriptor.digest}`));
});

test('blobs of the image that a tag names are not asked for', async (t) => {
  const { server, client, job } = await setUp(t, []);
  const target = parseReference(`${server.host}/a:1`);
  await pushImage(client, testImage(), [target], job, 's');
  const next = quickClient();
  t.teardown(() => next.close());
  const before = server.requests(undefined, /\/blobs\//).length;
  next.learnContents(target, job);
  await pushImage(next, testImage(), [target], job, 's');
  t.is(server.requests(undefined, /\/blobs\//).length, before);
});

test('what the registry lost of the image that a tag names is sent again', async (t) => {
  const { server, client, job } = await setUp(t, [
    { method: 'PUT', path: /manifests/, fault: faults.status(400, 'MANIFEST_BLOB_UNKNOWN'), nth: [2] },
  ]);
  const target = parseReference(`${server.host}/a:1`);
  const image = testImage();
  await pushImage(client, image, [target], job, 's');
  const next = quickClient();
  t.teardown(() => next.close());
  server.registry.blobs.clear();
  next.learnContents(target, job);
  await pushImage(next, image, [target], job, 's');
  for (const { descriptor } of image.layers)
    t.true(server.registry.blobs.has(`a@${descriptor.digest}`), descriptor.digest);
});

test('cancelling ends a push', async (t) => {
  const { client, job, where } = await setUp(t, [on('PUT', { kind: 'stall' })], {
    timeouts: { idle: 60_000, commit: 60_000 },
  });
  const timer = setTimeout(() => job.abort(), 100);
  t.teardown(() => clearTimeout(timer));
  await t.throwsAsync(client.pushBlob(where, memoryBlob(bytes), job, 's'), {
    instanceOf: TsbuildError,
    code: 'cancelled',
  });
});

test('transfers are told, and end with the whole size', async (t) => {
  const { client, job, where } = await setUp(t, []);
  await client.pushBlob(where, memoryBlob(bytes), job, 'step 1');
  const told = job.events.flatMap((event) => (event.kind === 'transfer' ? [event] : []));
  t.deepEqual(told.at(-1), {
    kind: 'transfer',
    step: 'step 1',
    item: memoryBlob(bytes).descriptor.digest,
    done: bytes.length,
    total: bytes.length,
  });
  t.true(told.every((event, i) => i === 0 || event.done >= (told[i - 1]?.done ?? 0)));
});
