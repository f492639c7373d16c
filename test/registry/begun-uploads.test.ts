/** Blobs that are sent while they are made: what goes wrong on the way is mended when the blob is whole. */
import { setImmediate as turn } from 'node:timers/promises';
import anyTest, { type ExecutionContext } from 'ava';
import { faults, startFaultServer, type Fault, type Rule } from '../helpers/fault-server.js';
import { memoryBlob, noise, quickClient, recordedJob } from '../helpers/registry-values.js';

const test = anyTest.serial; // where something stalls, timeouts are short
const bytes = noise(1_000_000, 11);
const uploads = /\/blobs\/uploads\//;

/** The blob as a compression gives it. */
async function* slowly(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 50_000) {
    await turn();
    yield bytes.subarray(at, at + 50_000);
  }
}

interface Expected {
  readonly methods: string | RegExp;
  /** Bytes of the blob that the registry was sent at most, in all requests. */
  readonly bytes?: number;
  readonly warnings?: number;
  readonly outcome?: 'exists' | 'uploaded';
}

const arrives = anyTest.macro({
  async exec(t, rules: readonly Rule[], expected: Expected, present = false) {
    const server = await startFaultServer({ rules });
    const client = quickClient({
      timeouts: { idle: 700, connect: 20_000, commit: 20_000 },
      chunkSize: 100_000,
    });
    t.teardown(() => server.close());
    t.teardown(() => client.close());
    if (present) server.registry.addBlob('a', bytes);
    const job = recordedJob();
    const where = { registry: server.host, repository: 'a' };
    const begun = client.beginUpload(where, slowly, job, { step: 's', item: 'layer 1' });
    const outcome = await client.pushBlob(where, { ...memoryBlob(bytes), begun }, job, 's');
    await begun.sent;
    t.is(outcome, expected.outcome ?? 'uploaded');
    t.true(server.registry.blobs.get(`a@${memoryBlob(bytes).descriptor.digest}`)?.equals(bytes));
    const seen = server.requests(undefined, uploads).map(({ method }) => method);
    const methods = seen.filter((method) => method !== 'DELETE').join(' ');
    if (typeof expected.methods === 'string') t.is(methods, expected.methods);
    else t.regex(methods, expected.methods);
    t.is(job.warnings.length, expected.warnings ?? 0, job.warnings.join('\n'));
    const sent = server.seen.reduce((sum, { received }) => sum + received, 0);
    t.true(sent <= (expected.bytes ?? bytes.length), `${sent} bytes`);
  },
  title: (name) => `arrives: ${name}`,
});

const on = (method: string, fault: Fault, ...nth: number[]): Rule => ({
  method,
  path: uploads,
  fault,
  ...(nth.length > 0 ? { nth } : {}),
});

test('nothing wrong: all bytes in one PATCH, the digest in PUT', arrives, [], { methods: 'POST PATCH PUT' });
test(
  'reset in the middle, what came is kept: only the rest is sent',
  arrives,
  [on('PATCH', { kind: 'reset', after: 610_000, keep: true }, 1)],
  { methods: 'POST PATCH GET PATCH PATCH PATCH PATCH PUT', bytes: bytes.length + 70_000, warnings: 1 },
);
test(
  'reset in the middle, nothing is kept: whole afterwards',
  arrives,
  [on('PATCH', { kind: 'reset', after: 610_000 }, 1)],
  { methods: 'POST PATCH GET POST PUT', bytes: 2 * bytes.length, warnings: 1 },
);
test('503: whole afterwards', arrives, [on('PATCH', faults.status(503), 1)], {
  methods: 'POST PATCH GET POST PUT',
  bytes: 2 * bytes.length,
  warnings: 1,
});
test('no PATCH: whole afterwards', arrives, [on('PATCH', faults.status(405, 'UNSUPPORTED'))], {
  methods: 'POST PATCH POST PUT',
  bytes: 2 * bytes.length,
});
test('the answer is lost: all bytes are there', arrives, [on('PATCH', { kind: 'lose-answer' }, 1)], {
  methods: 'POST PATCH GET PUT',
  warnings: 1,
});
test('the upload cannot be opened: whole afterwards', arrives, [on('POST', faults.status(500), 1)], {
  methods: 'POST POST PUT',
});
test('the upload is lost before its end: begun anew', arrives, [on('PUT', faults.status(404), 1)], {
  methods: `POST PATCH PUT POST ${'PATCH '.repeat(10)}PUT`,
  bytes: 2 * bytes.length,
  warnings: 1,
});
test(
  'the blob was there: what was begun is abandoned',
  arrives,
  [],
  { methods: /^POST(?: PATCH)?$/, outcome: 'exists' },
  true,
);

async function setUp(t: ExecutionContext) {
  const server = await startFaultServer({ rules: [] });
  const client = quickClient();
  t.teardown(() => server.close());
  t.teardown(() => client.close());
  const job = recordedJob();
  const where = { registry: server.host, repository: 'a' };
  return { server, client, job, where };
}

test('a source that fails ends the upload and says nothing', async (t) => {
  const { client, job, where } = await setUp(t);
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 1000);
    await turn();
    throw new Error('the disk is full');
  }
  const begun = client.beginUpload(where, failing, job, { step: 's', item: 'layer 1' });
  t.is(await begun.sent, undefined);
  t.deepEqual(job.warnings, []);
});

test('a small blob waits for its digest, is not asked for, and goes in one request', async (t) => {
  const { server, client, job, where } = await setUp(t);
  const blob = memoryBlob(bytes.subarray(0, 200_000));
  const begun = client.beginUpload(where, () => blob.open(), job, { step: 's', item: 'layer 1' });
  t.is((await begun.sent)?.position, 0);
  t.is(await client.pushBlob(where, { ...blob, begun }, job, 's'), 'uploaded');
  t.deepEqual(
    server.requests(undefined, /\/blobs\//).map(({ method }) => method),
    ['POST', 'PUT'],
  );
  t.true(server.registry.blobs.has(`a@${blob.descriptor.digest}`));
});
