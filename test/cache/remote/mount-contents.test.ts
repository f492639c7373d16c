import test from 'ava';
import fc from 'fast-check';
import {
  contentsOf,
  decodeSlots,
  encodeSlots,
  reusedChunks,
  type Slot,
} from '../../../src/cache/remote/mount-contents.js';
import type { Changeset, ChangesetEntry } from '../../../src/layers/types.js';
import { digestOf } from '../../../src/oci/digest.js';
import { noise } from '../../helpers/registry-values.js';

interface Chunk {
  readonly size: number;
  readonly bytes: Buffer;
}

/** Bytes with what each stretch of them is. */
interface Saved {
  readonly slots: readonly Slot[];
  readonly chunks: readonly Chunk[];
}

const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 30 });

const contentOf = (number: number, size: number): Buffer => noise(size, number + 1);

function saved(contents: readonly Buffer[], cuts: readonly number[]): Saved {
  const bytes = Buffer.concat(contents);
  const ends = [...new Set(cuts.map((cut) => cut % bytes.length))].filter((end) => end > 0);
  const sorted = [...ends, bytes.length].sort((a, b) => a - b);
  const chunks = sorted.map((end, i) => bytes.subarray(sorted[i - 1] ?? 0, end));
  return {
    slots: contents.map((content) => ({
      kind: 'content',
      digest: digestOf(content),
      size: content.length,
    })),
    chunks: chunks.map((chunk) => ({ size: chunk.length, bytes: chunk })),
  };
}

const sum = (items: readonly { readonly size: number }[]): number =>
  items.reduce((total, { size }) => total + size, 0);

/** Checks that every content is where its slot says. */
function isTrue({ slots, chunks }: Saved): boolean {
  const bytes = Buffer.concat(chunks.map((chunk) => chunk.bytes));
  let at = 0;
  for (const slot of slots) {
    const part = bytes.subarray(at, (at += slot.size));
    if (slot.kind === 'content' && digestOf(part) !== slot.digest) return false;
  }
  return at === bytes.length;
}

test('contents of kept chunks are where they are said to be, through any number of saves', (t) => {
  const rounds = fc.array(fc.tuple(fc.array(fc.nat(40)), sizes, fc.array(fc.nat(9000))), { maxLength: 6 });
  fc.assert(
    fc.property(sizes, fc.array(fc.nat(9000)), rounds, (first, cuts, later) => {
      let number = 0;
      const make = (size: number): Buffer => contentOf(number++, size);
      let now = saved(first.map(make), cuts);
      for (const [removed, added, newCuts] of later) {
        const needed = new Map(
          now.slots.flatMap((slot, i) =>
            slot.kind === 'gap' || removed.includes(i) ? [] : [[slot.digest, true]],
          ),
        );
        const kept = reusedChunks(now, needed);
        t.true(isTrue(kept));
        const fresh = saved(added.map(make), newCuts);
        now = { slots: [...kept.slots, ...fresh.slots], chunks: [...kept.chunks, ...fresh.chunks] };
        const gaps = sum(kept.slots.filter(({ kind }) => kind === 'gap'));
        // Half of a chunk is needed; contents that were cut in two by a dropped chunk come on top.
        t.true(gaps <= sum(kept.chunks) / 2 + 300 * (kept.chunks.length + 1));
      }
      return isTrue(now);
    }),
    { numRuns: 200 },
  );
});

test('a folder that lost one file keeps all chunks but those that were mostly that file', (t) => {
  const contents = [100, 400, 100].map((size, i) => contentOf(i, size));
  const before = saved(contents, [100, 200, 300, 400, 500]);
  const [first, , last] = before.slots;
  const needed = new Map([first, last].flatMap((s) => (s?.kind === 'content' ? [[s.digest, true]] : [])));
  const { chunks, slots } = reusedChunks(before, needed);
  t.is(chunks.length, 2);
  t.deepEqual(
    slots.map(({ kind }) => kind),
    ['content', 'content'],
  );
});

function folderOf(entries: Readonly<Record<string, Buffer>>): Changeset {
  const meta = { mode: 0o644, uid: 0, gid: 0, mtime: 0n };
  const files = Object.entries(entries).map(([name, bytes]): [string, ChangesetEntry] => [
    name,
    { kind: 'file', meta, size: bytes.length, digest: digestOf(bytes) },
  ]);
  return { kind: 'directory', meta, opaque: false, entries: new Map(files) };
}

test('an order of contents is read as it was written; equal contents are one, empty ones none', (t) => {
  const folder = folderOf({
    a: Buffer.from('1'),
    b: Buffer.from('22'),
    c: Buffer.from('1'),
    d: Buffer.alloc(0),
  });
  const [one, two] = [...contentsOf(folder)].map(([digest, { size }]): Slot => ({
    kind: 'content',
    digest,
    size,
  }));
  if (one === undefined || two === undefined) return t.fail('there are two contents');
  t.is(contentsOf(folder).size, 2);
  const slots: readonly Slot[] = [two, { kind: 'gap', size: 7 }, one];
  t.deepEqual(encodeSlots(slots, folder), [1, -7, 0]);
  t.deepEqual(decodeSlots([1, -7, 0], folder), slots);
});

for (const wrong of [undefined, {}, ['0'], [2], [0.5], [1e300], [null]]) {
  test(`an order that is none is refused: ${JSON.stringify(wrong)}`, (t) => {
    t.throws(() => decodeSlots(wrong, folderOf({ a: Buffer.from('1') })), { code: 'image' });
  });
}
