/** What must hold of a store after its users were killed. */
import type { ExecutionContext } from 'ava';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, hexOf } from '../../src/oci/digest.js';
import { mediaTypes } from '../../src/oci/media-types.js';
import { parseIndex, parseManifest } from '../../src/oci/validate.js';
import { imagesOf } from '../../src/store/references.js';
import type { Store } from '../../src/store/store.js';
import { bucket, linesBucket, linesOf, valueOf } from './kill-facts.js';

/** Checks everything that must hold whenever a process was killed. */
export async function checkStore(t: ExecutionContext, store: Store): Promise<void> {
  for await (const { digest } of store.blobs.list()) {
    for await (const chunk of store.blobs.open(digest)) void chunk; // throws when bytes and name differ
  }
  t.deepEqual(readdirSync(join(store.root, 'tmp')), []);
  await checkReferences(t, store);
  await checkRecords(t, store);
  for (const name of await store.directories.list()) {
    const path = (await store.directories.get(name)) ?? '';
    t.deepEqual(readdirSync(path), ['0', '1', '2', '3', '4']);
    for (const file of readdirSync(path)) t.is(`d${readFileSync(join(path, file), 'utf8')}`, name);
  }
  (await store.lease({ wait: false })).release();
}

async function checkReferences(t: ExecutionContext, store: Store): Promise<void> {
  const references = await store.references.list();
  t.is(references.length, readdirSync(join(store.root, 'references/v1')).length, 'no reference is damaged');
  for (const image of references.flatMap(({ target }) => imagesOf(target))) {
    const manifest = parseManifest(
      await store.blobs.read(image.manifest.digest, 1e6),
      mediaTypes.ociManifest,
    );
    for (const part of [manifest.config, ...manifest.layers]) {
      t.deepEqual(await store.blobs.has(part.digest), { size: part.size });
    }
  }
  // The index may be older than the references but never names what is not here.
  if (!existsSync(join(store.root, 'index.json'))) return;
  for (const manifest of parseIndex(readFileSync(join(store.root, 'index.json'))).manifests) {
    t.truthy(await store.blobs.has(manifest.digest));
  }
}

async function checkRecords(t: ExecutionContext, store: Store): Promise<void> {
  for (let n = 0; n < 50; n += 1) {
    const key = hexOf(digestOf(String(n)));
    t.deepEqual((await store.records(bucket).get(key)) ?? valueOf(n), valueOf(n));
    const lines = store.records(linesBucket).getLines(key);
    if (lines === undefined) continue;
    const found: string[] = [];
    for await (const batch of lines) found.push(...batch);
    t.deepEqual(found, linesOf(n));
  }
}
