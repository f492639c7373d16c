import test, { type ExecutionContext } from 'ava';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { createExporter } from '../../src/image/export.js';
import type { ExportableImage, ExportEnvironment } from '../../src/image/exporter.js';
import { loadArchive } from '../../src/image/load-archive.js';
import { parseOutput } from '../../src/image/output.js';
import { digestOf } from '../../src/oci/digest.js';
import { parseIndex } from '../../src/oci/validate.js';
import { TsbuildError } from '../../src/util/errors.js';
import { findProgram, runProgram } from '../helpers/programs.js';
import { scratchOf, storeOf } from '../helpers/stores.js';
import { forArchitecture, imageOf, jobOf, metaOf, sampleTree, folderOf, fileOf } from './sample-image.js';

const names = ['docker.io/library/app:v1', 'localhost:5000/team/app:v2'];
const needing = (program: string) => (findProgram(program) === undefined ? test.skip : test);

async function exportTo(
  options: string,
  images: readonly ExportableImage[],
  environment: Partial<ExportEnvironment> = {},
) {
  const spec = parseOutput(options);
  if (spec.type === 'image') throw new Error('nothing to export');
  const exporter = createExporter(spec, { cwd: '/', stdout: new PassThrough(), ...environment });
  return exporter.export(images, jobOf());
}

async function run(t: ExecutionContext, argv: readonly string[]): Promise<string> {
  const ended = await runProgram(argv);
  t.is(ended.code, 0, `${argv.join(' ')}: ${ended.output}`);
  return ended.stdout;
}

for (const type of ['oci', 'docker'] as const) {
  test(`a ${type} archive has equal bytes each time and loads again as the same image`, async (t) => {
    const [store, scratch] = [await storeOf(t), scratchOf(t)];
    const image = await imageOf(store, names);
    const [one, two] = [join(scratch, '1.tar'), join(scratch, '2.tar')];
    const result = await exportTo(`type=${type},dest=${one}`, [image]);
    await exportTo(`type=${type},dest=${two}`, [image]);
    t.is(digestOf(readFileSync(one)), digestOf(readFileSync(two)));
    t.deepEqual(result.configs, [digestOf(image.configBytes)]);
    const target = await storeOf(t);
    const [loaded] = await loadArchive(one, target);
    t.deepEqual(loaded?.names, names);
    if (loaded?.target.kind !== 'image') return t.fail('one image');
    t.is(loaded.target.config, digestOf(image.configBytes));
    t.is(result.descriptor?.digest, loaded.target.manifest.digest);
    await target.references.set('docker.io/library/app:v1', loaded.target);
    t.is(parseIndex(readFileSync(join(target.root, 'index.json'))).manifests.length, 1);
  });
}

needing('skopeo')('skopeo reads an OCI archive by its tag', async (t) => {
  const [store, scratch] = [await storeOf(t), scratchOf(t)];
  const image = await imageOf(store, names);
  const result = await exportTo('type=oci,dest=image.tar', [image], { cwd: scratch });
  const raw = await run(t, ['skopeo', 'inspect', '--raw', `oci-archive:${scratch}/image.tar:v2`]);
  t.is(result.descriptor?.digest, digestOf(raw));
  await run(t, ['skopeo', 'copy', `oci-archive:${scratch}/image.tar:v1`, `dir:${scratch}/copy`]);
});

for (const options of ['', ',compression=gzip', ',oci-mediatypes=false']) {
  needing('skopeo')(`skopeo reads a docker archive${options}`, async (t) => {
    const [store, scratch] = [await storeOf(t), scratchOf(t)];
    const image = await imageOf(store, names);
    await exportTo(`type=docker,dest=image.tar${options}`, [image], { cwd: scratch });
    const text = await run(t, [
      'skopeo',
      'inspect',
      '--config',
      `docker-archive:${scratch}/image.tar:app:v1`,
    ]);
    const config = JSON.parse(text) as { rootfs: unknown; config: unknown };
    t.deepEqual(config.rootfs, image.config.rootfs);
    await run(t, ['skopeo', 'copy', `docker-archive:${scratch}/image.tar:app:v1`, `oci:${scratch}/copy:x`]);
  });
}

needing('umoci')('umoci unpacks a layout folder', async (t) => {
  const [store, scratch] = [await storeOf(t), scratchOf(t)];
  await exportTo('type=oci,dest=layout,tar=false', [await imageOf(store, names)], { cwd: scratch });
  const rootless = process.getuid?.() === 0 ? [] : ['--rootless'];
  await run(t, ['umoci', 'unpack', ...rootless, '--image', `${scratch}/layout:v1`, `${scratch}/bundle`]);
  t.is(readFileSync(join(scratch, 'bundle/rootfs/a.txt'), 'utf8'), 'hello\n');
  t.is(statSync(join(scratch, 'bundle/rootfs/hard-1')).nlink, 2);
});

test('a layout folder keeps other images and replaces those of the same name', async (t) => {
  const [store, scratch] = [await storeOf(t), scratchOf(t)];
  const options = `type=oci,tar=false,dest=${scratch}/layout`;
  const [first, second] = [
    await imageOf(store, names),
    await imageOf(store, ['docker.io/library/app:v1'], folderOf({})),
  ];
  await exportTo(options, [first]);
  await exportTo(options, [second]);
  const index = parseIndex(readFileSync(join(scratch, 'layout/index.json')));
  const tags = index.manifests.map(({ annotations }) => annotations?.['org.opencontainers.image.ref.name']);
  t.deepEqual(tags, ['v2', 'v1']);
  t.not(index.manifests[0]?.digest, index.manifests[1]?.digest);
  writeFileSync(join(scratch, 'file'), '');
  const error = await t.throwsAsync(() => exportTo(`type=oci,tar=false,dest=${scratch}`, [first]));
  t.regex(error?.message ?? '', /neither empty nor an OCI layout/);
});

test('images for several platforms are one index in an OCI archive', async (t) => {
  const [store, scratch] = [await storeOf(t), scratchOf(t)];
  const image = await imageOf(store, names);
  const images = [image, forArchitecture(image, 'arm64')];
  const options = 'type=oci,dest=image.tar,annotation-index.i=1,annotation-manifest[linux/arm64].m=2';
  const result = await exportTo(options, images, { cwd: scratch });
  const target = await storeOf(t);
  const [loaded] = await loadArchive(join(scratch, 'image.tar'), target);
  if (loaded?.target.kind !== 'index') return t.fail('an index');
  t.is(result.descriptor?.digest, loaded.target.index.digest);
  t.deepEqual(
    loaded.target.images.map(({ platform }) => platform.architecture),
    ['amd64', 'arm64'],
  );
  const index = parseIndex(await target.blobs.read(loaded.target.index.digest, 1e6));
  t.deepEqual(index.annotations, { i: '1' });
  const error = await t.throwsAsync(() => exportTo('type=docker,dest=x.tar', images, { cwd: scratch }));
  t.is((error as TsbuildError).code, 'unsupported');
});

test('a failed export leaves the file that was there, and no other', async (t) => {
  const [store, scratch] = [await storeOf(t), scratchOf(t)];
  const image = await imageOf(store, names);
  writeFileSync(join(scratch, 'image.tar'), 'before');
  const broken: ExportableImage = {
    ...image,
    body: () => Promise.reject(new Error('lost')),
    layers: image.layers.map((layer) => ({
      ...layer,
      async *open() {
        yield await Promise.reject(new Error('lost'));
      },
    })),
  };
  for (const type of ['oci', 'docker', 'tar']) {
    await t.throwsAsync(() => exportTo(`type=${type},dest=${scratch}/image.tar`, [broken]), {
      message: /lost/,
    });
  }
  await t.throwsAsync(() => exportTo(`type=local,dest=${scratch}/new/folder`, [broken]), { message: /lost/ });
  t.is(readFileSync(join(scratch, 'image.tar'), 'utf8'), 'before');
  t.deepEqual(readdirSync(scratch), ['image.tar']);
});

test('a link as destination stays, a device is written to, a folder is refused', async (t) => {
  const [store, scratch] = [await storeOf(t), scratchOf(t)];
  const image = await imageOf(store, names);
  writeFileSync(join(scratch, 'real'), 'before');
  symlinkSync('real', join(scratch, 'link'));
  await exportTo(`type=tar,dest=${scratch}/link`, [image]);
  t.true(statSync(join(scratch, 'real')).size > 1000);
  t.deepEqual(readdirSync(scratch).sort(), ['link', 'real']);
  await exportTo('type=tar,dest=/dev/null', [image]);
  t.true(statSync('/dev/null').isCharacterDevice());
  await t.throwsAsync(() => exportTo(`type=tar,dest=${scratch}`, [image]), { message: /is a folder/ });
  await t.throwsAsync(() => exportTo(`type=tar,dest=${scratch}/no/file`, [image]), {
    message: /does not exist/,
  });
});

test('standard output gets the whole archive, however slowly it is read', async (t) => {
  const [store, scratch] = [await storeOf(t), scratchOf(t)];
  const image = await imageOf(store, names);
  const chunks: Buffer[] = [];
  const stdout = new Writable({
    highWaterMark: 1,
    write: (chunk: Buffer, _, done) => {
      chunks.push(chunk);
      setImmediate(done);
    },
  });
  await exportTo('-', [image], { stdout });
  await exportTo('type=tar,dest=x.tar', [image], { cwd: scratch });
  t.true(Buffer.concat(chunks).equals(readFileSync(join(scratch, 'x.tar'))));
  const closed = new Writable({
    write: (_, __, done) => done(Object.assign(new Error('gone'), { code: 'EPIPE' })),
  });
  await t.throwsAsync(() => exportTo('-', [image], { stdout: closed }), {
    message: /the reader has closed it/,
  });
});

needing('tar')('a root file system tar unpacks to the tree', async (t) => {
  const [store, scratch] = [await storeOf(t), scratchOf(t)];
  await exportTo('type=tar,dest=root.tar', [await imageOf(store, names)], { cwd: scratch });
  mkdirSync(join(scratch, 'root'));
  await run(t, ['tar', '-C', join(scratch, 'root'), '-xpf', join(scratch, 'root.tar')]);
  checkSample(t, join(scratch, 'root'));
});

test('platforms become folders, times are clamped to the epoch', async (t) => {
  const [store, scratch] = [await storeOf(t), scratchOf(t)];
  const image = await imageOf(store, names, folderOf({ x: fileOf('x') }));
  const images = [image, forArchitecture(image, 'arm64')];
  await exportTo(`type=local,dest=${scratch}/out`, images, { epoch: 1_000_000 });
  t.deepEqual(readdirSync(join(scratch, 'out')).sort(), ['linux_amd64', 'linux_arm64']);
  t.is(statSync(join(scratch, 'out/linux_arm64/x')).mtimeMs, 1_000_000_000);
  await exportTo(`type=local,dest=${scratch}/one,platform-split=true`, [image]);
  t.deepEqual(readdirSync(join(scratch, 'one')), ['linux_amd64']);
});

/** `folder` has the sample tree. */
function checkSample(t: ExecutionContext, folder: string): void {
  t.deepEqual(readdirSync(Buffer.from(folder), 'latin1').sort(), [...sampleTree.entries.keys()].sort());
  const status = statSync(join(folder, 'a.txt'), { bigint: true });
  t.is(Number(status.mode & 0o7777n), 0o640);
  t.is(status.mtimeNs, 1_600_000_000_123_456_789n);
  t.is(readFileSync(join(folder, 'bin/same'), 'utf8'), '#!/bin/sh\n');
  t.is(statSync(join(folder, 'hard-1')).ino, statSync(join(folder, 'hard-2')).ino);
  t.is(statSync(join(folder, 'empty')).mode & 0o7777, 0o700);
  t.is(statSync(join(folder, 'empty'), { bigint: true }).mtimeNs, 1_600_000_000_123_456_789n);
}

test('a local export writes the tree, again and again', async (t) => {
  const [store, scratch] = [await storeOf(t), scratchOf(t)];
  const image = await imageOf(store, names);
  for (let i = 0; i < 2; i += 1) {
    await exportTo(`${scratch}/out`, [image]);
    checkSample(t, join(scratch, 'out'));
  }
});

test('folders that nobody may write to are written, again and again', async (t) => {
  const [store, scratch] = [await storeOf(t), scratchOf(t)];
  const locked = folderOf(
    { x: fileOf('x'), below: folderOf({ y: fileOf('y') }, metaOf(0o500)) },
    metaOf(0o555),
  );
  const image = await imageOf(store, names, folderOf({ locked }));
  for (let i = 0; i < 2; i += 1) {
    await exportTo(`${scratch}/out`, [image]);
    t.is(readFileSync(join(scratch, 'out/locked/below/y'), 'utf8'), 'y');
    t.is(statSync(join(scratch, 'out/locked')).mode & 0o7777, 0o555);
    t.is(statSync(join(scratch, 'out/locked/below')).mode & 0o7777, 0o500);
  }
});

test('a local export keeps other files, and replaces links instead of following them', async (t) => {
  const [store, scratch] = [await storeOf(t), scratchOf(t)];
  const out = join(scratch, 'out');
  mkdirSync(join(out, 'bin'), { recursive: true });
  writeFileSync(join(out, 'bin/mine'), 'mine');
  writeFileSync(join(scratch, 'canary'), 'canary');
  symlinkSync('../canary', join(out, 'a.txt'));
  await exportTo(out, [await imageOf(store, names)]);
  t.is(readFileSync(join(out, 'bin/mine'), 'utf8'), 'mine');
  t.is(readFileSync(join(out, 'a.txt'), 'utf8'), 'hello\n');
  t.is(readFileSync(join(scratch, 'canary'), 'utf8'), 'canary');
});

const conflicts = test.macro({
  async exec(t, spoil: (out: string, scratch: string) => void, message: RegExp) {
    const [store, scratch] = [await storeOf(t), scratchOf(t)];
    const out = join(scratch, 'out');
    mkdirSync(out);
    mkdirSync(join(scratch, 'outside'));
    spoil(out, scratch);
    const before = readdirSync(out);
    const image = await imageOf(store, names);
    const error = await t.throwsAsync(() => exportTo(out, [image]), { instanceOf: TsbuildError });
    t.regex(error?.message ?? '', message);
    t.deepEqual(readdirSync(out), before);
    t.deepEqual(readdirSync(join(scratch, 'outside')), []);
  },
  title: (name) => `a local export is refused, with nothing written: ${name}`,
});
test(
  'a link where a folder must be',
  conflicts,
  (out, scratch) => symlinkSync(join(scratch, 'outside'), join(out, 'bin')),
  /symbolic link/,
);
test('a file where a folder must be', conflicts, (out) => writeFileSync(join(out, 'bin'), ''), /is a file/);
test(
  'a folder where a file must be',
  conflicts,
  (out) => mkdirSync(join(out, 'bin/run'), { recursive: true }),
  /is a folder/,
);
