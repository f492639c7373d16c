import test from 'ava';
import { memoryMember, writeArchive, type ArchiveMember } from '../../src/image/archive-writer.js';
import { readTar } from '../../src/layers/tar/read.js';
import { digestOf } from '../../src/oci/digest.js';

async function* chunksOf(size: number): AsyncIterable<Uint8Array> {
  for (let left = size; left > 0; left -= 100_000) {
    await Promise.resolve();
    yield Buffer.alloc(Math.min(left, 100_000), left % 251);
  }
}

async function archiveOf(members: readonly ArchiveMember[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await writeArchive(members, (chunk) => {
    chunks.push(Uint8Array.from(chunk));
    return Promise.resolve();
  });
  return Buffer.concat(chunks);
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  await Promise.resolve();
  yield bytes;
}

const members: readonly ArchiveMember[] = [
  memoryMember('z', 'last'),
  { name: 'big', size: 3_333_333, content: () => chunksOf(3_333_333) },
  memoryMember('a/', ''),
  memoryMember('empty', ''),
];

test('members are sorted, owned by root and dated 1970; the bytes are the same each time', async (t) => {
  const archive = await archiveOf(members);
  const seen: unknown[] = [];
  for await (const { entry } of readTar(once(archive))) {
    seen.push([entry.name, entry.type, entry.size, entry.mode, entry.uid, entry.gid, entry.mtime]);
  }
  t.deepEqual(seen, [
    ['a/', 'directory', 0, 0o755, 0, 0, 0n],
    ['big', 'file', 3_333_333, 0o644, 0, 0, 0n],
    ['empty', 'file', 0, 0o644, 0, 0, 0n],
    ['z', 'file', 4, 0o644, 0, 0, 0n],
  ]);
  t.is(digestOf(archive), digestOf(await archiveOf([...members].reverse())));
});

test('a content of another size fails', async (t) => {
  for (const size of [10, 100, 0]) {
    const wrong = { name: 'x', size, content: () => chunksOf(50) };
    await t.throwsAsync(() => archiveOf([wrong, memoryMember('z', '')]), { message: /Size mismatch/ });
  }
});

test('failures of a content, of the sink and of the signal come out', async (t) => {
  const failing: ArchiveMember = {
    name: 'x',
    size: 1_000_000,
    async *content() {
      yield* chunksOf(300_000);
      throw new Error('unreadable');
    },
  };
  await t.throwsAsync(() => archiveOf([failing]), { message: 'unreadable' });
  const full = () => Promise.reject(new Error('full'));
  await t.throwsAsync(() => writeArchive(members, full), { message: 'full' });
  const signal = AbortSignal.abort(new Error('stop'));
  await t.throwsAsync(() => writeArchive(members, () => Promise.resolve(), { signal }), { message: 'stop' });
});
