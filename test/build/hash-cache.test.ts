import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { HashCache } from '../../src/build/hash-cache.js';
import type { FileIdentity } from '../../src/layers/scan-context.js';
import { digestOf } from '../../src/oci/digest.js';
import type { Store } from '../../src/store/store.js';
import { storeOf } from '../helpers/stores.js';

const folder = '/some/context';
const one: FileIdentity = [1n, 2n, 3n, 1_700_000_000_000_000_001n, 1_700_000_000_000_000_002n];
const digest = digestOf('one');

/** The file that remembers the digests of one context. */
function fileOf({ root }: Store): string {
  const base = join(root, 'context-hashes/v1');
  const [name = ''] = readdirSync(base, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.includes('/'),
  );
  return join(base, name);
}

async function remembering(store: Store): Promise<HashCache> {
  const cache = await HashCache.open(store, folder);
  cache.set(digest, ...one);
  await cache.save();
  return HashCache.open(store, folder);
}

test('law: what was remembered is known in the next build, and nothing else is', async (t) => {
  const word = fc.bigInt({ min: 0n, max: 2n ** 63n });
  const identity = fc.tuple(fc.nat(70_000).map(BigInt), fc.nat().map(BigInt), word, word, word);
  const entries = fc.uniqueArray(identity, { selector: ([dev, ino]) => `${dev} ${ino}`, maxLength: 50 });
  const law = fc.asyncProperty(entries, identity, async (identities, other) => {
    const store = await storeOf(t);
    const cache = await HashCache.open(store, folder);
    for (const each of identities) cache.set(digestOf(each.join(' ')), ...each);
    await cache.save();
    const next = await HashCache.open(store, folder);
    for (const each of identities) t.is(next.get(...each), digestOf(each.join(' ')));
    if (!identities.some((each) => each.join() === other.join())) t.is(next.get(...other), undefined);
  });
  await fc.assert(law, { numRuns: 30 });
});

for (const [at, name] of ['device', 'inode', 'size', 'mtime', 'ctime'].entries()) {
  test(`another ${name} is another file`, async (t) => {
    const cache = await remembering(await storeOf(t));
    t.is(cache.get(...one), digest);
    const [dev, ino, size, mtime, ctime] = one.map((value, i) => (i === at ? value + 1n : value));
    t.is(cache.get(dev ?? 0n, ino ?? 0n, size ?? 0n, mtime ?? 0n, ctime ?? 0n), undefined);
  });
}

test('a time before 1970', async (t) => {
  const store = await storeOf(t);
  const old: FileIdentity = [1n, 2n, 3n, -5n, 7n];
  const cache = await HashCache.open(store, folder);
  cache.set(digest, ...old);
  await cache.save();
  t.is((await HashCache.open(store, folder)).get(...old), digest);
});

test('an inode has one entry: what it held before is forgotten', async (t) => {
  const store = await storeOf(t);
  const cache = await remembering(store);
  const now: FileIdentity = [one[0], one[1], 9n, 9n, 9n];
  cache.set(digestOf('two'), ...now);
  t.is(cache.get(...one), undefined);
  await cache.save();
  const next = await HashCache.open(store, folder);
  t.is(next.get(...now), digestOf('two'));
  t.is(next.get(...one), undefined);
});

test('contexts do not know of each other', async (t) => {
  const store = await storeOf(t);
  await remembering(store);
  t.is((await HashCache.open(store, '/elsewhere')).get(...one), undefined);
});

test('files that are gone do not pile up', async (t) => {
  const store = await storeOf(t);
  for (let build = 0; build < 4; build++) {
    const cache = await HashCache.open(store, folder);
    for (let i = 0; i < 8000; i++) cache.set(digest, 1n, BigInt(build * 8000 + i), 1n, 1n, 1n);
    await cache.save();
  }
  t.true(readFileSync(fileOf(store)).length < 72 * 30_000);
});

test('a record with any byte changed or cut off is not believed', async (t) => {
  const store = await storeOf(t);
  await remembering(store);
  const path = fileOf(store);
  const bytes = readFileSync(path);
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    for (const damaged of [changed, bytes.subarray(0, at)]) {
      writeFileSync(path, damaged);
      const cache = await HashCache.open(store, folder);
      t.is(cache.get(...one), undefined);
    }
  }
  writeFileSync(path, bytes);
  t.is((await HashCache.open(store, folder)).get(...one), digest);
});
