import test, { type ExecutionContext } from 'ava';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, hexOf } from '../../src/oci/digest.js';
import { openStore } from '../../src/store/store.js';
import { TsbuildError } from '../../src/util/errors.js';
import { findProgram, isRoot, runProgram } from '../helpers/programs.js';
import { putImage, scratchOf } from '../helpers/stores.js';

const name = 'docker.io/library/app:latest';
const key = hexOf(digestOf('key'));
const lines = Array.from({ length: 3000 }, (_, i) => `line ${i}`);

/** Uses every part of a store; about 200 KiB. */
async function useStore(root: string): Promise<void> {
  const store = await openStore(root);
  const writer = await store.blobs.writer();
  try {
    for (let i = 0; i < 10; i += 1) await writer.write(Buffer.alloc(10_000, i));
    await writer.commit();
  } finally {
    await writer.abort();
  }
  await store.records('cache').put(key, lines);
  await store.records('lines').putLines(key, lines);
  await store.references.set(name, await putImage(store, ['a', 'b']));
}

async function checkSound(t: ExecutionContext, root: string): Promise<void> {
  const store = await openStore(root);
  for await (const { digest } of store.blobs.list()) {
    for await (const chunk of store.blobs.open(digest)) void chunk;
  }
  t.deepEqual(readdirSync(join(root, 'tmp')), []);
  t.deepEqual((await store.records('cache').get(key)) ?? lines, lines);
}

const possible = isRoot && findProgram('mount') !== undefined;

(possible ? test : test.skip)(
  'a disk that gets full anywhere is an error that says so, and no damage (needs root)',
  async (t) => {
    const disk = join(scratchOf(t), 'disk');
    mkdirSync(disk);
    const mounted = await runProgram(['mount', '-t', 'tmpfs', '-o', 'size=16k,mode=0700', 'tmpfs', disk]);
    if (mounted.code !== 0) return t.pass(`no tmpfs here: ${mounted.output}`);
    const root = join(disk, 'root');
    let failures = 0;
    for (let size = 16; size <= 512; size += 16) {
      await runProgram(['mount', '-o', `remount,size=${size}k`, disk]);
      try {
        await useStore(root);
        break;
      } catch (error) {
        if (!(error instanceof TsbuildError)) throw error;
        t.is(error.code, 'store');
        t.regex(error.message, /no space is left on the disk/);
        t.truthy(error.hint);
        failures += 1;
      }
      await runProgram(['mount', '-o', 'remount,size=1m', disk]);
      await checkSound(t, root);
    }
    t.true(failures > 5, `${failures} failures`);
    await checkSound(t, root);
    t.is((await (await openStore(root)).references.list()).length, 1);
  },
);
