/** What a registry can do wrong while a blob is pulled, and what comes of it. */
import anyTest, { type ExecutionContext } from 'ava';
import { TsbuildError } from '../../src/util/errors.js';
import {
  faults,
  startFaultServer,
  type Fault,
  type FaultServer,
  type Rule,
} from '../helpers/fault-server.js';
import { answer } from '../helpers/memory-registry.js';
import {
  collect,
  descriptorFor,
  fixedCredentials,
  noise,
  quickClient,
  recordedJob,
  type RecordedJob,
} from '../helpers/registry-values.js';

const test = anyTest.serial; // where something stalls, timeouts are short
const bytes = noise(400_000, 5);
const descriptor = descriptorFor(bytes);
const path = /\/blobs\/sha256/;

async function pull(
  t: ExecutionContext,
  rules: readonly Rule[],
  options: Parameters<typeof quickClient>[0] = {},
) {
  const server = await startFaultServer({ rules });
  const client = quickClient({ timeouts: patience(rules), ...options });
  t.teardown(() => server.close());
  t.teardown(() => client.close());
  server.registry.addBlob('a', bytes);
  const job = recordedJob();
  const pulled = collect(client.openBlob({ registry: server.host, repository: 'a' }, descriptor, job));
  return { server, job, pulled };
}

/** Short only where a stall is expected: a busy machine is slow too. */
function patience(rules: readonly Rule[]) {
  const milliseconds = rules.some(({ fault }) => fault.kind === 'stall') ? 700 : 20_000;
  return { idle: milliseconds, connect: 20_000, commit: milliseconds };
}

function sentBytes(server: FaultServer): number {
  return server.requests('GET', path).reduce((sum, { sent }) => sum + sent, 0);
}

interface Survived {
  readonly warnings: number;
  /** Bytes of bodies that the registry sent at most. */
  readonly bytes?: number;
  readonly requests?: number;
}

const survives = anyTest.macro({
  async exec(t, rules: readonly Rule[], expected: Survived) {
    const { server, job, pulled } = await pull(t, rules);
    t.true((await pulled).equals(bytes));
    t.is(job.warnings.length, expected.warnings, job.warnings.join('\n'));
    if (expected.bytes !== undefined)
      t.true(sentBytes(server) <= expected.bytes, `${sentBytes(server)} bytes`);
    if (expected.requests !== undefined) t.is(server.requests('GET', path).length, expected.requests);
  },
  title: (name) => `survived: ${name}`,
});

const first = (fault: Fault): readonly Rule[] => [{ path, nth: [1], fault }];
const always = (fault: Fault): readonly Rule[] => [{ path, fault }];

test('nothing wrong', survives, [], { warnings: 0, bytes: bytes.length, requests: 1 });
test('reset before the answer', survives, first({ kind: 'reset', after: 0 }), {
  warnings: 1,
  bytes: bytes.length,
});
for (const at of [0, 1, 65_536, 200_000, bytes.length - 1]) {
  test(`cut after ${at} bytes: the rest is fetched by range`, survives, first({ kind: 'cut', after: at }), {
    warnings: 1,
    bytes: bytes.length,
    requests: 2,
  });
}
test('cut each time after 80 kB: as often as it takes', survives, always({ kind: 'cut', after: 80_000 }), {
  warnings: 4,
  bytes: bytes.length,
  requests: 5,
});
for (const status of [408, 425, 429, 499, 500, 502, 503, 504, 520, 524]) {
  test(`status ${status} once`, survives, first(faults.status(status)), {
    warnings: 1,
    bytes: bytes.length + 100,
    requests: 2,
  });
}
test('status 503 four times', survives, [{ path, nth: [1, 2, 3, 4], fault: faults.status(503) }], {
  warnings: 4,
  requests: 5,
});
test(
  '429 with Retry-After: 0',
  survives,
  first(faults.status(429, 'TOOMANYREQUESTS', { 'Retry-After': '0' })),
  { warnings: 1 },
);
test(
  '429 with a Retry-After that cannot be read',
  survives,
  first(faults.status(429, 'X', { 'Retry-After': 'soon' })),
  { warnings: 1 },
);
test('stall before the answer', survives, first({ kind: 'stall' }), { warnings: 1 });
test('stall after the head', survives, first({ kind: 'stall', after: 0 }), { warnings: 1 });
test('stall in the middle', survives, first({ kind: 'stall', after: 100_000 }), {
  warnings: 1,
  bytes: bytes.length,
});
test('an answer that is not HTTP', survives, first({ kind: 'raw', bytes: 'SSH-2.0-OpenSSH_9\r\n' }), {
  warnings: 1,
});
test('an empty answer', survives, first({ kind: 'raw', bytes: '' }), { warnings: 1 });
test(
  'two lengths',
  survives,
  first({ kind: 'raw', bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef' }),
  { warnings: 1 },
);
test(
  'length and chunks at once',
  survives,
  first({
    kind: 'raw',
    bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  }),
  { warnings: 1 },
);
test(
  'a head of 100 kB',
  survives,
  first({ kind: 'raw', bytes: `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n` }),
  { warnings: 1 },
);
test(
  'an announced length that is wrong',
  survives,
  first({ kind: 'body', change: (body) => body.subarray(1) }),
  { warnings: 1 },
);
test(
  'a body without length that ends early',
  survives,
  first({ kind: 'body', change: (body) => body.subarray(0, 100_000), unannounced: true }),
  { warnings: 1 },
);

const cutFirst: Rule = { path, nth: [1], fault: { kind: 'cut', after: 100_000 } };
const onResume = (fault: Fault): readonly Rule[] => [cutFirst, { path, nth: [2], fault }];
test(
  'a range answered with the whole blob is used',
  survives,
  onResume({ kind: 'answer', answer: answer(200, {}, bytes) }),
  { warnings: 1, requests: 2 },
);
test(
  'another range than the one asked for',
  survives,
  onResume({ kind: 'headers', headers: { 'Content-Range': `bytes 0-99/${bytes.length}` } }),
  { warnings: 2, requests: 3 },
);
test(
  'a range of a blob of another size',
  survives,
  onResume({ kind: 'headers', headers: { 'Content-Range': 'bytes 100000-399999/400001' } }),
  { warnings: 2, requests: 3 },
);
test(
  'a partial answer that does not say which part',
  survives,
  onResume({ kind: 'headers', headers: { 'Content-Range': '' } }),
  { warnings: 2, requests: 3 },
);
test('416 for a right range', survives, onResume(faults.status(416)), { warnings: 2, requests: 3 });
test(
  'a redirect to itself is followed',
  survives,
  first(faults.redirect(`/v2/a/blobs/${descriptor.digest}?again`)),
  { warnings: 0, requests: 2 },
);

interface Refused {
  readonly message: RegExp;
  readonly code?: 'registry' | 'auth' | 'image';
  readonly requests?: number;
}

const refuses = anyTest.macro({
  async exec(t, rules: readonly Rule[], { message, code = 'registry', requests = 1 }: Refused) {
    const { server, pulled } = await pull(t, rules);
    const error = await t.throwsAsync(pulled, { instanceOf: TsbuildError });
    t.is(error?.code, code);
    t.regex(error?.message ?? '', message);
    t.notRegex(error?.message ?? '', /\p{Cc}/u);
    t.is(server.requests('GET', path).length, requests);
  },
  title: (name) => `refused: ${name}`,
});

test('404', refuses, always(faults.status(404, 'BLOB_UNKNOWN')), {
  message: /404 Not Found \(BLOB_UNKNOWN: scripted\)/,
});
test('403', refuses, always(faults.status(403, 'DENIED')), { message: /403/, code: 'auth' });
test('410', refuses, always(faults.status(410)), { message: /410/ });
test('a status that exists nowhere', refuses, always(faults.status(299 + 300)), { message: /599/ });
test('503 without end', refuses, always(faults.status(503)), { message: /503/, requests: 5 });
test('a wait of an hour', refuses, always(faults.status(429, 'X', { 'Retry-After': '3600' })), {
  message: /429/,
});
test('stall without end', refuses, always({ kind: 'stall', after: 1000 }), {
  message: /nothing happened/,
  requests: 5,
});
test(
  'a wrong byte',
  refuses,
  always({ kind: 'body', change: (body) => Buffer.concat([body.subarray(0, -1), Buffer.from([0])]) }),
  { message: /other bytes, with the digest/ },
);
test(
  'one byte more, announced',
  refuses,
  always({ kind: 'body', change: (body) => Buffer.concat([body, Buffer.from([0])]) }),
  { message: /announced 400001 bytes/, requests: 5 },
);
test(
  'one byte more, not announced',
  refuses,
  always({ kind: 'body', change: (body) => Buffer.concat([body, Buffer.from([0])]), unannounced: true }),
  { message: /longer than the 400000/ },
);
test('a body without end', refuses, always({ kind: 'endless' }), { message: /longer than the 400000/ });
test('Content-Encoding', refuses, always({ kind: 'headers', headers: { 'Content-Encoding': 'gzip' } }), {
  message: /encoded/,
});
test(
  'an error page with escape sequences',
  refuses,
  always({ kind: 'answer', answer: answer(400, {}, Buffer.from('<title>\u001b[2Jno\u202e</title>')) }),
  { message: /\\u\{1b\}\[2Jno\\u\{202e\}/ },
);
test(
  'an endless error page',
  refuses,
  [{ path, fault: { kind: 'answer', answer: answer(400, {}, Buffer.alloc(5_000_000, 65)) } }],
  { message: /400 Bad Request/ },
);
test('redirects in a circle', refuses, always(faults.redirect(`/v2/a/blobs/${descriptor.digest}`)), {
  message: /more than 10/,
  requests: 11,
});
test('a redirect without Location', refuses, always({ kind: 'answer', answer: answer(307) }), {
  message: /without saying where/,
});
for (const location of ['file:///etc/passwd', 'ftp://127.0.0.1/x', 'javascript:1', 'data:,x']) {
  test(`a redirect to ${location}`, refuses, always(faults.redirect(location)), { message: /not http/ });
}
for (const host of [
  '169.254.169.254',
  '[::ffff:169.254.169.254]',
  '[fe80::1]',
  '0.0.0.0',
  '2852039166',
  '0xA9FEA9FE',
]) {
  test(`a redirect to https://${host}`, refuses, always(faults.redirect(`https://${host}/x`)), {
    message: /internal address/,
  });
}
test('a redirect with a user', refuses, always(faults.redirect('https://user:secret-word@example.com/')), {
  message: /user name in it: https:\/\/example\.com\/$/,
});
test('a redirect to a very long URL', refuses, always(faults.redirect(`/x${'y'.repeat(9000)}`)), {
  message: /too long/,
});
test('a redirect to plain http elsewhere', refuses, always(faults.redirect('http://example.com/x')), {
  message: /plain http/,
});
test('a redirect that cannot be read', refuses, always(faults.redirect('http://[')), {
  message: /unreadable/,
});

for (const status of [301, 302, 303, 307, 308]) {
  test(`a redirect (${status}) to another port gets the blob without credentials`, async (t) => {
    const storage = await startFaultServer();
    t.teardown(() => storage.close());
    storage.registry.addBlob('stored', bytes);
    const { pulled, server } = await pull(
      t,
      [
        {
          path,
          fault: faults.redirect(`${storage.origin}/v2/stored/blobs/${descriptor.digest}?sig=x`, status),
        },
      ],
      {
        credentials: {
          ...fixedCredentials({ kind: 'basic', username: 'u', password: 'p' }),
          headers: () => Promise.resolve({ 'X-Secret': 'x' }),
        },
      },
    );
    t.true((await pulled).equals(bytes));
    t.is(server.seen.at(-1)?.headers['x-secret'], 'x');
    t.true(storage.seen.length > 0);
    for (const { headers } of storage.seen) {
      t.is(headers.authorization, undefined);
      t.is(headers['x-secret'], undefined);
      t.is(headers.cookie, undefined);
    }
  });
}

test('a transfer slower than the minimum rate is given up', async (t) => {
  const timeouts = { idle: 1000, rateWindow: 50, minimumRate: 100_000 };
  const { pulled, job } = await pull(t, always({ kind: 'drip' }), {
    timeouts,
    retries: { attempts: 1, delay: 1 },
  });
  await t.throwsAsync(pulled, { message: /bytes per second/ });
  t.is(job.warnings.length, 1);
});

test('cancelling stops a transfer that stands still', async (t) => {
  const { pulled, job } = await pull(t, always({ kind: 'stall', after: 10 }), { timeouts: { idle: 60_000 } });
  abortSoon(job);
  await t.throwsAsync(pulled, { instanceOf: TsbuildError, code: 'cancelled' });
});

test('cancelling stops the waiting before another attempt', async (t) => {
  const { pulled, job } = await pull(t, always(faults.status(503)), {
    retries: { attempts: 5, delay: 60_000 },
  });
  abortSoon(job, () => job.warnings.length > 0);
  await t.throwsAsync(pulled, { instanceOf: TsbuildError, code: 'cancelled' });
});

function abortSoon(job: RecordedJob, when: () => boolean = () => true): void {
  const timer = setInterval(() => {
    if (!when()) return;
    clearInterval(timer);
    job.abort();
  }, 20);
}

test('a resumed blob is not verified, only measured, from an offset of ours', async (t) => {
  const server = await startFaultServer({
    rules: [{ path, nth: [1], fault: { kind: 'cut', after: 50_000 } }],
  });
  const client = quickClient();
  t.teardown(() => server.close());
  t.teardown(() => client.close());
  server.registry.addBlob('a', bytes);
  const rest = await collect(
    client.openBlob({ registry: server.host, repository: 'a' }, descriptor, recordedJob(), 300_000),
  );
  t.true(rest.equals(bytes.subarray(300_000)));
  t.deepEqual(
    server.requests('GET', path).map(({ headers }) => headers.range),
    ['bytes=300000-', 'bytes=350000-'],
  );
});

test('a reader that stops early leaves nothing open', async (t) => {
  const server = await startFaultServer();
  const client = quickClient();
  t.teardown(() => client.close());
  server.registry.addBlob('a', bytes);
  for await (const chunk of client.openBlob(
    { registry: server.host, repository: 'a' },
    descriptor,
    recordedJob(),
  )) {
    t.true(chunk.length > 0);
    break;
  }
  await server.close();
});
