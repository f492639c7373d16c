import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { retryDamaged } from '../../src/build/retry-damaged.js';
import { walkTree } from '../../src/layers/walk-tree.js';
import { Snapshot } from '../../src/layers/snapshot.js';
import { FakeBuild } from '../helpers/fake-build.js';

const text = `FROM scratch AS a
COPY a /
RUN write f 1
WORKDIR /w
RUN write g 2
FROM scratch
COPY --from=a / /
COPY b /b
RUN write h 3`;

/** Builds and packs as a build for a registry does: every blob is read to its end, or made. Gives what is in the image. */
async function image(build: FakeBuild): Promise<string> {
  const job = { signal: new AbortController().signal, emit: () => undefined };
  return retryDamaged(job, async () => {
    const { layers } = await build.build(text);
    for (const layer of layers.filter(({ ref }) => !ref.empty)) {
      const { digest, size } = await layer.blob('none');
      for await (const _ of build.store.blobs.open(digest, size));
    }
    const nodes = [...walkTree(await Snapshot.of(layers).tree())];
    return nodes
      .map(([path, node]) => `${path} ${node.kind === 'file' ? node.digest : node.kind}`)
      .join('\n');
  });
}

function filesOf(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => !/^(?:locks|tmp|scratch)\/|^version$/.test(name))
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
}

const damages: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
  ['a flipped bit in the middle', (bytes) => flipped(bytes, bytes.length >> 1)],
  ['a flipped bit at the end', (bytes) => flipped(bytes, bytes.length - 1)],
  ['a cut end', (bytes) => bytes.subarray(0, bytes.length >> 1)],
  ['other JSON', () => Buffer.from('{"__proto__":{"snapshot":[]}}')],
];

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

for (const [title, damage] of damages) {
  test(`${title} of any file of a store gives the same image`, async (t) => {
    const build = await FakeBuild.open();
    t.teardown(() => build.close());
    await build.put('a', 'one');
    await build.put('b', 'two');
    const expected = await image(build);
    const files = filesOf(build.store.root);
    t.true(files.length > 30);
    for (const path of files) {
      if (statSync(path, { throwIfNoEntry: false }) === undefined) continue;
      writeFileSync(path, damage(readFileSync(path)));
      t.is(await image(build), expected, path);
    }
  });
}

test('an unpacked layer with a flipped bit whose tar is gone is made again', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  await build.put('a', 'one');
  await build.put('b', 'two');
  const expected = await image(build);
  const unpacked = filesOf(join(build.store.root, 'directories')).filter((path) => path.includes('/data/'));
  t.true(unpacked.length > 0);
  for (const path of unpacked) {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) continue;
    for await (const { digest } of build.store.blobs.list()) await build.store.blobs.delete(digest);
    writeFileSync(path, flipped(readFileSync(path), 0));
    t.is(await image(build), expected, path);
  }
});

test('an unpacked layer that was edited is not what the next step runs on', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  await build.put('a', 'one');
  const job = { signal: new AbortController().signal, emit: () => undefined };
  const dockerfile = (last: string) => `FROM scratch\nCOPY a /\nRUN write f 1\nRUN write g 2\nRUN ${last}`;
  await build.build(dockerfile('write h 3'));
  const edited = filesOf(join(build.store.root, 'directories')).filter((path) => path.includes('/data/'));
  t.is(edited.length, 4);
  for (const path of edited) writeFileSync(path, flipped(readFileSync(path), 0));
  const { ran, content } = await retryDamaged(job, () => build.build(dockerfile('write h 4')));
  t.deepEqual(ran.toSorted(), ['write f 1', 'write g 2', 'write h 4']);
  const clean = await FakeBuild.open();
  t.teardown(() => clean.close());
  await clean.put('a', 'one');
  t.is((await clean.build(dockerfile('write h 4'))).content, content);
});

test('a store that was moved is used as it is', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  await build.put('a', 'one');
  await build.put('b', 'two');
  await build.build(text);
  const moved = await FakeBuild.open();
  t.teardown(() => moved.close());
  execFileSync('cp', ['-a', `${build.folder}/.`, moved.folder]);
  t.deepEqual((await moved.build(text)).ran, []);
  t.deepEqual((await moved.build(`${text}\nRUN write i 4`)).ran, ['write i 4']);
});

test('a record of another step is not believed, although it is sound', async (t) => {
  const build = await FakeBuild.open();
  t.teardown(() => build.close());
  await build.put('a', 'one');
  await build.put('b', 'two');
  const expected = await image(build);
  const records = filesOf(join(build.store.root, 'cache'));
  t.true(records.length > 10);
  for (const [at, path] of records.entries()) {
    const other = records[(at + 1) % records.length] ?? '';
    const bytes = readFileSync(path);
    writeFileSync(path, readFileSync(other));
    t.is(await image(build), expected, path);
    writeFileSync(path, bytes);
  }
});
