/**
 * Uses the store at argv[2] in all ways, over and over, until it is killed, or argv[4] times. What it writes follows from numbers, so
 * that whoever looks later can tell whether it is whole. Prints a line after each round.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, hexOf } from '../../src/oci/digest.js';
import { collectGarbage } from '../../src/store/collect-garbage.js';
import { openStore } from '../../src/store/store.js';
import { TsbuildError } from '../../src/util/errors.js';
import { putImage } from '../helpers/stores.js';
import { bucket, linesBucket, linesOf, valueOf } from './kill-facts.js';

const [root = '', start = '0', rounds = 'Infinity'] = process.argv.slice(2);
const store = await openStore(root);

async function build(n: number): Promise<void> {
  const lease = await store.lease();
  const image = await putImage(store, [`file-${n % 20}`, `file-${n}`]);
  await store.references.set(`docker.io/library/app-${n % 7}:latest`, image);
  const writer = await store.blobs.writer();
  for (let i = 0; i < 4; i += 1) await writer.write(Buffer.alloc(100_000, n + i));
  await writer.commit();
  const key = hexOf(digestOf(String(n % 50)));
  await store.records(bucket).put(key, valueOf(n % 50));
  await store.records(linesBucket).putLines(key, linesOf(n % 50));
  await store.directories.create(`d${n % 9}`, async (path) => {
    for (let i = 0; i < 5; i += 1) await writeFile(join(path, String(i)), String(n % 9));
  });
  lease.release();
}

async function collect(): Promise<void> {
  try {
    await collectGarbage(store, { mark: () => Promise.resolve() });
  } catch (error) {
    if (!(error instanceof TsbuildError)) throw error; // in use
  }
}

for (let n = Number(start); n < Number(start) + Number(rounds); n += 1) {
  await build(n);
  if (n % 5 === 0) await collect();
  process.stdout.write(`${n}\n`);
}
