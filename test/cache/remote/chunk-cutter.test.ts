import test from 'ava';
import fc from 'fast-check';
import { ChunkCutter, type ChunkSizes } from '../../../src/cache/remote/chunk-cutter.js';
import { digestOf } from '../../../src/oci/digest.js';
import { noise } from '../../helpers/registry-values.js';

const small: ChunkSizes = { min: 64, average: 256, max: 1024 };

function cut(bytes: Buffer, pieces: readonly number[] = [], sizes = small): Buffer[] {
  const cutter = new ChunkCutter(sizes);
  const chunks: Buffer[] = [];
  let at = 0;
  for (const length of [...pieces, bytes.length]) {
    chunks.push(...cutter.push(bytes.subarray(at, at + length)));
    at += length;
  }
  const rest = cutter.end();
  return rest === undefined ? chunks : [...chunks, rest];
}

test('chunks add up to the stream and have the sizes asked for', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 20_000 }), fc.integer(), (size, seed) => {
      const bytes = noise(size, seed);
      const chunks = cut(bytes);
      t.true(Buffer.concat(chunks).equals(bytes));
      t.true(chunks.every(({ length }) => length <= small.max));
      t.true(chunks.slice(0, -1).every(({ length }) => length >= small.min));
    }),
    { numRuns: 50 },
  );
  t.pass();
});

test('where a stream is cut does not depend on how it arrives', (t) => {
  const bytes = noise(20_000);
  const whole = cut(bytes).map((chunk) => digestOf(chunk));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 20 }), (pieces) => {
      t.deepEqual(
        cut(bytes, pieces).map((chunk) => digestOf(chunk)),
        whole,
      );
    }),
    { numRuns: 30 },
  );
});

test('an insertion near the beginning leaves most chunks as they were', (t) => {
  const before = noise(200_000);
  const after = Buffer.concat([
    before.subarray(0, 5000),
    Buffer.from('something new'),
    before.subarray(5000),
  ]);
  const known = new Set(cut(before).map((chunk) => digestOf(chunk)));
  const fresh = cut(after).filter((chunk) => !known.has(digestOf(chunk)));
  t.true(known.size > 200);
  t.true(fresh.length <= 6, `${fresh.length} of ${known.size} chunks are new`);
});

test('the cuts are those of every version of tsbuild', (t) => {
  t.deepEqual(
    cut(noise(2000)).map(({ length }) => length),
    [309, 119, 523, 284, 272, 289, 204],
  );
});

test('a stream without any structure is cut at the largest size', (t) => {
  t.deepEqual(
    cut(Buffer.alloc(2500)).map(({ length }) => length),
    [1024, 1024, 452],
  );
});
