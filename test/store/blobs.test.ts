import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { digestOf, type Digest } from '../../src/oci/digest.js';
import type { Store } from '../../src/store/store.js';
import { TsbuildError } from '../../src/util/errors.js';
import { storeOf } from '../helpers/stores.js';

const content = Buffer.from('some content of a blob');
const digest = digestOf(content);

async function readAll(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function temporaries(store: Store): readonly string[] {
  return readdirSync(join(store.root, 'tmp'));
}

test('a blob is found by its digest, is for the user alone, and reads back', async (t) => {
  const { blobs } = await storeOf(t);
  t.is(await blobs.has(digest), undefined);
  t.deepEqual(await blobs.put(content), { digest, size: content.length });
  t.deepEqual(await blobs.has(digest), { size: content.length });
  t.is(statSync(blobs.path(digest)).mode & 0o777, 0o600);
  t.deepEqual(await readAll(blobs.open(digest, content.length)), content);
  t.deepEqual(await blobs.read(digest, 100), content);
});

test('law: who reads along gets what is written, from any offset on', async (t) => {
  const { blobs } = await storeOf(t);
  const sizes = fc.array(fc.integer({ min: 0, max: 400_000 }), { maxLength: 8 });
  const law = fc.asyncProperty(sizes, fc.nat(1_000_000), async (lengths, offset) => {
    const chunks = lengths.map((length, i) => Buffer.alloc(length, i + 1));
    const writer = await blobs.writer();
    const along = [readAll(writer.follow()), readAll(writer.follow(offset))];
    for (const chunk of chunks) await writer.write(chunk);
    await writer.commit();
    const whole = Buffer.concat(chunks);
    const [all, part] = await Promise.all([...along, readAll(writer.follow())]);
    t.true(all?.equals(whole));
    t.true(part?.equals(whole.subarray(offset)));
  });
  await fc.assert(law, { numRuns: 20 });
});

test('who reads a blob along that is given up is told', async (t) => {
  const { blobs } = await storeOf(t);
  const writer = await blobs.writer();
  const along = readAll(writer.follow());
  await writer.write(Buffer.alloc(1_000_000));
  await writer.abort();
  await t.throwsAsync(along, { instanceOf: TsbuildError, message: /not written to its end/ });
});

test('law: what is written in any chunks reads back', async (t) => {
  const { blobs } = await storeOf(t);
  const sizes = fc.array(fc.integer({ min: 0, max: 400_000 }), { maxLength: 8 });
  const law = fc.asyncProperty(sizes, fc.boolean(), async (lengths, waiting) => {
    const chunks = lengths.map((length, i) => Buffer.alloc(length, i + 1));
    const writer = await blobs.writer();
    for (const chunk of chunks) {
      const written = writer.write(chunk);
      if (waiting) await written;
    }
    const whole = Buffer.concat(chunks);
    const stored = await writer.commit();
    t.deepEqual(stored, { digest: digestOf(whole), size: whole.length });
    t.true((await readAll(blobs.open(stored.digest))).equals(whole));
  });
  await fc.assert(law, { numRuns: 30 });
});

test('a small chunk may be reused after write returned', async (t) => {
  const { blobs } = await storeOf(t);
  const writer = await blobs.writer();
  const chunk = Buffer.from('a');
  for (const letter of 'abc') {
    chunk.write(letter);
    await writer.write(chunk);
  }
  t.is((await writer.commit()).digest, digestOf('abc'));
});

const unwanted = test.macro({
  async exec(t, expected: { digest: Digest; size?: number }) {
    const store = await storeOf(t);
    const writer = await store.blobs.writer();
    await writer.write(content);
    const error = await t.throwsAsync(() => writer.commit(expected), { instanceOf: TsbuildError });
    t.is(error?.code, 'image');
    t.deepEqual(readdirSync(join(store.root, 'blobs/sha256')), []);
    t.deepEqual(temporaries(store), []);
  },
  title: (name) => `a commit that is not as announced leaves nothing: ${name}`,
});
test('digest', unwanted, { digest: digestOf('other') });
test('size', unwanted, { digest, size: content.length + 1 });

test('more bytes than the limit are refused when they are written', async (t) => {
  const store = await storeOf(t);
  const writer = await store.blobs.writer(10);
  await writer.write(Buffer.alloc(10));
  t.throws(() => writer.write(Buffer.alloc(1)), { instanceOf: TsbuildError });
  await writer.abort();
  t.deepEqual(temporaries(store), []);
});

test('abort leaves nothing and may be repeated', async (t) => {
  const store = await storeOf(t);
  const writer = await store.blobs.writer();
  void writer.write(Buffer.alloc(1_000_000));
  await writer.abort();
  await writer.abort();
  t.deepEqual(temporaries(store), []);
});

test('several writers of one blob are no failure', async (t) => {
  const { blobs } = await storeOf(t);
  const stored = await Promise.all(Array.from({ length: 8 }, () => blobs.put(content)));
  t.true(stored.every((blob) => blob.digest === digest));
  t.deepEqual(await blobs.read(digest, 100), content);
});

async function refusesAndEvicts(t: ExecutionContext, store: Store): Promise<void> {
  const error = await t.throwsAsync(() => readAll(store.blobs.open(digest)), { instanceOf: TsbuildError });
  t.regex(error?.message ?? '', /damaged/);
  t.is(await store.blobs.has(digest), undefined);
  t.false(readdirSync(join(store.root, 'blobs/sha256')).includes(digest.slice(7)));
}

const damage = test.macro({
  async exec(t, spoil: (path: string) => void) {
    const store = await storeOf(t);
    await store.blobs.put(content);
    spoil(store.blobs.path(digest));
    await refusesAndEvicts(t, store);
    await store.blobs.put(content);
    t.deepEqual(await store.blobs.read(digest, 100), content);
  },
  title: (name) => `a damaged blob is removed when it is read, and can be put again: ${name}`,
});
const replacing = (make: (path: string) => void) => (path: string) => {
  rmSync(path);
  make(path);
};
test('one bit', damage, (path) => {
  const bytes = readFileSync(path);
  bytes[3] = (bytes[3] ?? 0) ^ 1;
  writeFileSync(path, bytes);
});
test('truncated', damage, (path) => truncateSync(path, 4));
test('empty', damage, (path) => truncateSync(path, 0));
test('longer', damage, (path) => writeFileSync(path, 'x', { flag: 'a' }));
test(
  'symbolic link',
  damage,
  replacing((path) => symlinkSync('/etc/passwd', path)),
);
test(
  'folder',
  damage,
  replacing((path) => mkdirSync(join(path, 'x'), { recursive: true })),
);
test(
  'fifo',
  damage,
  replacing((path) => execFileSync('mkfifo', [path])),
);

test('put and commit replace a damaged blob that nobody read', async (t) => {
  const { blobs } = await storeOf(t);
  await blobs.put(content);
  writeFileSync(blobs.path(digest), 'SOME');
  await blobs.put(content);
  t.deepEqual(await blobs.read(digest, 100), content);
  rmSync(blobs.path(digest));
  mkdirSync(blobs.path(digest));
  const writer = await blobs.writer();
  await writer.write(content);
  await writer.commit({ digest, size: content.length });
  t.deepEqual(await blobs.read(digest, 100), content);
});

test('a missing blob, a wrong size and a blob beyond the limit are failures of the store', async (t) => {
  const { blobs } = await storeOf(t);
  await t.throwsAsync(() => readAll(blobs.open(digest)), { message: /not in the store/ });
  await blobs.put(content);
  await t.throwsAsync(() => readAll(blobs.open(digest, 1)), { message: /not 1 as announced/ });
  t.deepEqual(await blobs.has(digest), { size: content.length });
  await t.throwsAsync(() => blobs.read(digest, 5), { message: /more than 5/ });
});

test('the list has blobs only', async (t) => {
  const store = await storeOf(t);
  await store.blobs.put(content);
  writeFileSync(join(store.root, 'blobs/sha256/README'), '');
  const found: Digest[] = [];
  for await (const blob of store.blobs.list()) found.push(blob.digest);
  t.deepEqual(found, [digest]);
  await store.blobs.delete(digest);
  await store.blobs.delete(digest);
  t.is(await store.blobs.has(digest), undefined);
});
