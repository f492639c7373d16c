import test from 'ava';
import fc from 'fast-check';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeRecord, encodeRecord, listBuckets } from '../../src/store/records.js';
import type { Store } from '../../src/store/store.js';
import { TsbuildError } from '../../src/util/errors.js';
import { storeOf } from '../helpers/stores.js';

const key = 'ab'.repeat(32);
const other = 'cd'.repeat(32);
const fileOf = (store: Store) => join(store.root, 'cache/v1/ab', key);

async function collect<T>(source: AsyncIterable<T> | undefined): Promise<T[] | undefined> {
  if (source === undefined) return undefined;
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

test('law: decode(encode(value)) = value', (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const plain: unknown = JSON.parse(JSON.stringify(value));
      t.deepEqual(decodeRecord(encodeRecord(value)), plain);
    }),
  );
});

test('law: a record with any byte changed or cut off is no record', (t) => {
  const text = encodeRecord({ a: [1, 2, 'three'] });
  const position = fc.integer({ min: 0, max: text.length - 1 });
  fc.assert(
    fc.property(position, fc.integer({ min: 1, max: 127 }), (at, mask) => {
      const changed =
        text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ mask) + text.slice(at + 1);
      t.is(decodeRecord(changed), undefined);
      t.is(decodeRecord(text.slice(0, at)), undefined);
    }),
  );
});

test('a record is replaced, listed and deleted; its file is for the user alone', async (t) => {
  const store = await storeOf(t);
  const records = store.records('cache');
  t.is(await records.get(key), undefined);
  await records.put(key, { a: 1 });
  await records.put(key, { a: 2 });
  await records.put(other, null);
  t.deepEqual(await records.get(key), { a: 2 });
  t.is(statSync(fileOf(store)).mode & 0o777, 0o600);
  t.deepEqual(
    (await collect(records.list()))?.map(({ hex }) => hex),
    [key, other],
  );
  t.deepEqual(await listBuckets(store.root), ['cache']);
  await records.delete(key);
  await records.delete(key);
  t.is(await records.get(key), undefined);
});

test('touch moves the time of last use', async (t) => {
  const records = (await storeOf(t)).records('cache');
  await records.put(key, 1);
  const before = (await collect(records.list()))?.[0]?.used ?? 0;
  await records.touch(key);
  t.true(((await collect(records.list()))?.[0]?.used ?? 0) >= before);
  await t.notThrowsAsync(() => records.touch(other));
});

test('law: bytes read back as they were written, unless any of them changed', async (t) => {
  const store = await storeOf(t);
  const records = store.records('cache');
  t.is(await records.getBytes(key), undefined);
  const law = fc.asyncProperty(fc.uint8Array(), fc.nat(), async (bytes, at) => {
    await records.putBytes(key, bytes);
    t.deepEqual(Buffer.from((await records.getBytes(key)) ?? []), Buffer.from(bytes));
    const file = readFileSync(fileOf(store));
    const place = at % file.length;
    file[place] = (file[place] ?? 0) ^ 1;
    writeFileSync(fileOf(store), file);
    t.is(await records.getBytes(key), undefined);
    truncateSync(fileOf(store), place);
    t.is(await records.getBytes(key), undefined);
  });
  await fc.assert(law, { numRuns: 50 });
});

const damage = test.macro({
  async exec(t, spoil: (path: string) => void) {
    const store = await storeOf(t);
    const records = store.records('cache');
    await records.put(key, { a: 1 });
    spoil(fileOf(store));
    t.is(await records.get(key), undefined);
  },
  title: (name) => `a damaged record is none: ${name}`,
});
test('empty', damage, (path) => truncateSync(path));
test('garbage', damage, (path) => writeFileSync(path, '{}'));
test('other text below its digest', damage, (path) => {
  writeFileSync(path, readFileSync(path, 'utf8').replace('1}', '2}'));
});
test('folder', damage, (path) => {
  rmSync(path);
  mkdirSync(path);
});

for (const wrong of ['../../etc/passwd', '', 'AB'.repeat(32), `${key}/`]) {
  test(`a key that is not hex names no file: ${JSON.stringify(wrong)}`, async (t) => {
    const records = (await storeOf(t)).records('cache');
    await t.throwsAsync(() => records.put(wrong, 1), { message: /key/ });
    await t.throwsAsync(() => records.get(wrong), { message: /key/ });
    t.throws(() => records.getLines(wrong), { message: /key/ });
  });
}
for (const wrong of ['blobs', 'tmp', '../x', 'a/b', '']) {
  test(`no bucket: ${JSON.stringify(wrong)}`, async (t) => {
    const store = await storeOf(t);
    t.throws(() => store.records(wrong), { message: /bucket/ });
  });
}

test('law: lines read back as they were written', async (t) => {
  const records = (await storeOf(t)).records('changesets');
  t.is(records.getLines(key), undefined);
  const line = fc.string({ unit: 'grapheme', maxLength: 50 }).filter((text) => !text.includes('\n'));
  const law = fc.asyncProperty(fc.array(line), async (lines) => {
    await records.putLines(key, lines);
    t.deepEqual((await collect(records.getLines(key)))?.flat(), lines);
  });
  await fc.assert(law, { numRuns: 50 });
});

test('lines longer than a chunk, in many chunks, with characters across their edges', async (t) => {
  const records = (await storeOf(t)).records('changesets');
  const lines = Array.from({ length: 50 }, (_, i) => `${i}${'é€😀'.repeat(i * 700)}`).concat('\ufeffx');
  await records.putLines(key, lines);
  t.deepEqual((await collect(records.getLines(key)))?.flat(), lines);
});

const damagedLines = test.macro({
  async exec(t, spoil: (path: string) => void) {
    const store = await storeOf(t);
    const records = store.records('cache');
    await records.putLines(key, ['one', 'two', 'three']);
    spoil(fileOf(store));
    const error = await t.throwsAsync(async () => collect(records.getLines(key)), {
      instanceOf: TsbuildError,
    });
    t.is(error?.code, 'store');
    t.is(records.getLines(key), undefined);
    t.deepEqual(readdirSync(join(store.root, 'tmp')), []);
  },
  title: (name) => `damaged lines throw and are removed: ${name}`,
});
test('lines: empty', damagedLines, (path) => truncateSync(path));
test('lines: cut in the digest', damagedLines, (path) => truncateSync(path, statSync(path).size - 1));
test('lines: cut after a line', damagedLines, (path) => truncateSync(path, 8));
test('lines: other text', damagedLines, (path) => {
  writeFileSync(path, readFileSync(path, 'utf8').replace('two', 'tWo'));
});
test('lines: more text', damagedLines, (path) => writeFileSync(path, 'four\n', { flag: 'a' }));
