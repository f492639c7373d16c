import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { decompress } from '../../src/layers/decompress.js';
import { zstdParallel } from '../../src/layers/zstd-parallel.js';
import { collect, noise } from '../helpers/registry-values.js';

const program = '/usr/bin/zstd';
const withProgram = existsSync(program) ? test : test.skip;

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

test('what is compressed is what comes out, whatever its size', async (t) => {
  for (const size of [0, 1, 4096, (1 << 22) - 1, 1 << 22, (1 << 22) + 1, 9_000_000]) {
    const bytes = Buffer.concat([noise(size >> 1), Buffer.alloc(size - (size >> 1), 'tsbuild ')]);
    const frames = await collect(zstdParallel(inChunks(bytes, 100_000)));
    t.true((await collect(decompress(inChunks(frames, 65_536), 'zstd'))).equals(bytes), `${size} bytes`);
  }
});

test('the bytes depend neither on how the source is cut nor on concurrency', async (t) => {
  const bytes = Buffer.alloc(9_000_000, noise(70_000));
  const expected = await collect(zstdParallel(inChunks(bytes, bytes.length)));
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 10_000, max: 9_000_000 }),
      fc.integer({ min: 1, max: 8 }),
      async (size, concurrency) =>
        expected.equals(await collect(zstdParallel(inChunks(bytes, size), { concurrency }))),
    ),
    { numRuns: 8 },
  );
  t.pass();
});

test('the highest usual level gives fewer bytes than the lowest', async (t) => {
  const text = Buffer.from(Array.from({ length: 200_000 }, (_, i) => `line ${i * 7919}\n`).join(''));
  const size = async (level: number) =>
    (await collect(zstdParallel(inChunks(text, 1 << 20), { level }))).length;
  t.true((await size(19)) < (await size(1)));
});

test('an end of the source that fails is not a shorter content', async (t) => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(noise(5_000_000));
    throw new Error('gone');
  }
  await t.throwsAsync(collect(zstdParallel(failing())), { message: 'gone' });
});

withProgram('zstd of the machine reads it', async (t) => {
  const bytes = Buffer.alloc(9_000_000, noise(70_000));
  const frames = await collect(zstdParallel(inChunks(bytes, 1 << 20)));
  t.true(execFileSync(program, ['-dc'], { input: frames, maxBuffer: 1 << 25 }).equals(bytes));
});
