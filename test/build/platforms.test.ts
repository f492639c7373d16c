/** One build for several platforms, and annotations: what is stored, pushed, exported and told. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { digestOf } from '../../src/oci/digest.js';
import { mediaTypes } from '../../src/oci/media-types.js';
import { runCli, type CliRun } from '../helpers/cli-run.js';
import { startFaultServer, type FaultServer } from '../helpers/fault-server.js';
import { layoutOutline, outlineOf, type Outline } from '../helpers/layout-outline.js';
import { filesBelow } from '../helpers/local-tree.js';
import { scratchOf } from '../helpers/stores.js';

interface Setup {
  readonly folder: string;
  readonly build: (dockerfile: string, args?: readonly string[]) => Promise<CliRun>;
  readonly run: (args: readonly string[]) => Promise<CliRun>;
}

function setup(t: ExecutionContext): Setup {
  const folder = scratchOf(t);
  const context = join(folder, 'context');
  const run: Setup['run'] = (args) =>
    runCli(folder, args, {
      HOME: folder,
      CONTAINERS_REGISTRIES_CONF: '',
      TSBUILD_ROOT: join(folder, 'store'),
    });
  const build: Setup['build'] = (dockerfile, args = []) => {
    mkdirSync(context, { recursive: true });
    writeFileSync(join(context, 'a'), 'A');
    writeFileSync(join(context, 'Dockerfile'), dockerfile);
    return run(['build', '--progress=plain', ...args, context]);
  };
  return { folder, build, run };
}

const both = '--platform=linux/amd64,linux/arm64';
const copies = 'FROM scratch\nARG TARGETARCH\nCOPY a /$TARGETARCH\n';

async function registry(t: ExecutionContext): Promise<FaultServer> {
  const server = await startFaultServer();
  t.teardown(() => server.close());
  return server;
}

/** What a name of the registry leads to. */
function pushed({ registry: { manifests, blobs } }: FaultServer, name: string, tag: string): Outline {
  const root = manifests.get(`${name}:${tag}`);
  if (root === undefined) throw new Error(`no ${name}:${tag}`);
  const find = (digest: string): string =>
    (manifests.get(`${name}@${digest}`)?.bytes ?? blobs.get(`${name}@${digest}`) ?? '').toString();
  const digest = digestOf(root.bytes);
  return outlineOf({ mediaType: root.mediaType, digest }, find);
}

test('an index is stored, named, exported and reported', async (t) => {
  const { folder, build, run } = setup(t);
  const results = ['--iidfile', join(folder, 'id'), '--metadata-file', join(folder, 'meta')];
  const outputs = ['-o', `type=oci,tar=false,dest=${folder}/oci`, '-o', `type=local,dest=${folder}/local`];
  const built = await build(copies, [both, '-t', 'app:1', ...outputs, ...results]);
  const id = readFileSync(join(folder, 'id'), 'utf8');
  t.is(built.stdout, `${id}\n`);
  const meta = JSON.parse(readFileSync(join(folder, 'meta'), 'utf8')) as Record<string, unknown>;
  t.is(meta['containerimage.digest'], id);
  t.false('containerimage.config.digest' in meta);
  t.is((meta['containerimage.descriptor'] as { mediaType: string }).mediaType, mediaTypes.ociIndex);
  t.deepEqual(filesBelow(join(folder, 'local')), { 'linux_amd64/amd64': 'A', 'linux_arm64/arm64': 'A' });
  const [exported] = layoutOutline(join(folder, 'oci'));
  t.deepEqual(
    exported?.manifests?.map(({ config }) => config),
    ['linux/amd64', 'linux/arm64'],
  );
  t.is((await run(['images', '-q'])).stdout.trim().split('\n').length, 2);
  const facts = JSON.parse((await run(['inspect', '--platform=linux/arm64', 'app:1'])).stdout) as {
    config: { architecture: string };
    index: { digest: string };
  };
  t.is(facts.config.architecture, 'arm64');
  t.is(facts.index.digest, id);
  const quiet = await build(copies, [both, '-q']);
  t.deepEqual([quiet.stdout, quiet.stderr], [`${id}\n`, '']);
});

test('an index and its images are pushed, under every name and by digest alone', async (t) => {
  const { folder, build, run } = setup(t);
  const server = await registry(t);
  const names = [`${server.host}/app:1`, `${server.host}/app:2`];
  const results = ['--iidfile', join(folder, 'id')];
  await build(copies, [both, '--push', ...names.flatMap((name) => ['-t', name]), ...results]);
  const outline = pushed(server, 'app', '1');
  t.deepEqual(outline, pushed(server, 'app', '2'));
  t.is(outline.mediaType, mediaTypes.ociIndex);
  t.deepEqual(
    outline.manifests?.map(({ config, platform }) => [config, platform]),
    [
      ['linux/amd64', { os: 'linux', architecture: 'amd64' }],
      ['linux/arm64', { os: 'linux', architecture: 'arm64' }],
    ],
  );
  t.true(server.registry.manifests.has(`app@${readFileSync(join(folder, 'id'), 'utf8')}`));
  const byDigest = `type=image,name=${server.host}/other,push-by-digest=true`;
  await build(copies, [both, '-o', byDigest]);
  t.false([...server.registry.manifests.keys()].some((key) => key.startsWith('other:')));
  await run(['push', `${server.host}/app:1`, `${server.host}/again:1`]);
  t.deepEqual(pushed(server, 'again', '1'), outline);
});

test('a base index serves each platform, from the store and from a registry', async (t) => {
  const { folder, build, run } = setup(t);
  const server = await registry(t);
  const name = `${server.host}/base:1`;
  await build('FROM scratch\nARG TARGETARCH\nENV BASE=$TARGETARCH\nCOPY a /base\n', [
    both,
    '-t',
    name,
    '--push',
  ]);
  const app = `FROM ${name}\nARG TARGETARCH\nLABEL base=$BASE arch=$TARGETARCH\nCOPY a /app\n`;
  const labels = async (platform: string): Promise<unknown> => {
    const { stdout } = await run(['inspect', `--platform=${platform}`, 'app']);
    return (JSON.parse(stdout) as { config: { config: { Labels: unknown } } }).config.config.Labels;
  };
  for (const fresh of [false, true]) {
    if (fresh) await run(['rmi', name]);
    await build(app, [both, '-t', 'app']);
    t.deepEqual(await labels('linux/amd64'), { base: 'amd64', arch: 'amd64' });
    t.deepEqual(await labels('linux/arm64'), { base: 'arm64', arch: 'arm64' });
  }
  const seen = server.seen.length;
  const again = await build(app, [both, '-t', 'app', '--iidfile', join(folder, 'id')]);
  t.regex(again.stderr, /, 0 misses/);
  const asked = server.seen.slice(seen).filter(({ method }) => method === 'GET');
  t.deepEqual(
    asked.map(({ path }) => path).filter((path) => path.includes('/manifests/')),
    [],
  );
});

test('what a Dockerfile fixes to one platform is listed for each that was asked for, as with BuildKit', async (t) => {
  const { folder, build, run } = setup(t);
  const server = await registry(t);
  const name = `${server.host}/app:1`;
  const fixed = 'FROM --platform=linux/amd64 scratch\nARG TARGETARCH\nCOPY a /$TARGETARCH\n';
  const outputs = ['-o', `type=oci,tar=false,dest=${folder}/oci`, '-o', `${folder}/files`];
  await build(fixed, [both, '-t', name, '--push', ...outputs]);
  const [outline] = layoutOutline(join(folder, 'oci'));
  t.deepEqual(
    outline?.manifests?.map(({ platform }) => platform),
    [
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64' },
    ],
  );
  t.deepEqual(pushed(server, 'app', '1'), outline);
  await run(['push', name, `${server.host}/again:1`]);
  t.deepEqual(pushed(server, 'again', '1'), outline);
  t.deepEqual(filesBelow(join(folder, 'files')), { 'linux_amd64/amd64': 'A', 'linux_arm64/arm64': 'A' });
});

for (const cache of ['type=registry,mode=min', 'type=registry,mode=max', 'type=inline']) {
  test(`a remote cache has the steps of all platforms: ${cache}`, async (t) => {
    const { build } = setup(t);
    const server = await registry(t);
    const ref = `${server.host}/cache:1`;
    const name = `${server.host}/app:1`;
    const [type = '', mode] = cache.split(',');
    const to = type === 'type=inline' ? type : `${cache},ref=${ref}`;
    await build(copies, [both, '-t', name, '--push', `--cache-to=${to}`]);
    const other = setup(t);
    const from = `--cache-from=type=registry,ref=${mode === undefined ? name : ref}`;
    const { stderr } = await other.build(copies, [both, from]);
    t.regex(stderr, /2 hits, 0 misses/);
  });
}

test('steps are named with their platforms, and what platforms share is done once', async (t) => {
  const { build } = setup(t);
  const dockerfile = `FROM --platform=$BUILDPLATFORM scratch AS build
COPY a /shared
ARG TARGETARCH
COPY a /$TARGETARCH
FROM scratch
COPY --from=build /shared /
`;
  const { stderr } = await build(dockerfile, ['--platform=linux/s390x,linux/riscv64', '--no-cache']);
  const steps = [...stderr.matchAll(/^#\d+ (\[(?!internal).*)$/gm)].map(([, name = '']) => name).sort();
  const own = process.arch === 'arm64' ? 'arm64' : 'amd64';
  t.deepEqual(steps, [
    `[linux/${own} build 2/3] COPY a /shared`,
    `[linux/${own}->riscv64 build 3/3] COPY a /$TARGETARCH`,
    `[linux/${own}->s390x build 3/3] COPY a /$TARGETARCH`,
    '[linux/riscv64 stage-1 2/2] COPY --from=build /shared /',
    '[linux/s390x stage-1 2/2] COPY --from=build /shared /',
  ]);
  t.is(stderr.match(/load build context/g)?.length, 1);
  const one = await build(dockerfile, ['--platform=linux/s390x', '--no-cache']);
  t.regex(one.stderr, /^#\d+ \[build 2\/3\] COPY a \/shared$/m);
});

test('a step that is told to build for another platform says so', async (t) => {
  const { build } = setup(t);
  const dockerfile = `FROM --platform=linux/amd64 scratch AS build
ARG TARGETARCH
ARG TARGETVARIANT
COPY a /$TARGETARCH$TARGETVARIANT
FROM scratch
COPY --from=build / /
`;
  const { stderr } = await build(dockerfile, ['--platform=linux/amd64,linux/arm/v7']);
  t.regex(stderr, /^#\d+ \[linux\/amd64 build 2\/2\] COPY/m);
  t.regex(stderr, /^#\d+ \[linux\/amd64->arm\/v7 build 2\/2\] COPY/m);
  t.regex(stderr, /^#\d+ \[linux\/arm\/v7 stage-1 2\/2\] COPY/m);
});

test('a finding that all platforms have is told once', async (t) => {
  const { build } = setup(t);
  const { stderr } = await build('from scratch\nCOPY a /\nMAINTAINER me\n', [both]);
  t.is(stderr.match(/Maintainer instruction is deprecated/g)?.length, 1);
});

const notOne: readonly (readonly [args: readonly string[], message: RegExp])[] = [
  [['-o', 'type=docker,dest=x'], /a docker archive cannot hold an image for several platforms/],
  [['--load'], /the Docker daemon cannot hold an image for several platforms/],
];
for (const [args, message] of notOne) {
  test(`several platforms: ${args.join(' ')} is refused before anything is built`, async (t) => {
    const { build } = setup(t);
    await t.throwsAsync(build(copies, [both, ...args]), { message, code: 'unsupported' });
  });
}

test('folders of platforms: platform-split', async (t) => {
  const { folder, build } = setup(t);
  await build(copies, ['-o', `type=local,platform-split=true,dest=${folder}/one`, '--platform=linux/arm/v7']);
  t.deepEqual(filesBelow(join(folder, 'one')), { 'linux_arm_v7/arm': 'A' });
  await build(copies, [both, '-o', `type=local,platform-split=false,dest=${folder}/joined`]);
  t.deepEqual(filesBelow(join(folder, 'joined')), { amd64: 'A', arm64: 'A' });
  const overlapping = build('FROM scratch\nCOPY a /x/a\n', [
    both,
    '-o',
    `type=tar,platform-split=false,dest=${folder}/t`,
  ]);
  await t.throwsAsync(overlapping, {
    message: /"x\/a" of linux_arm64 would replace that of another platform/,
  });
});

test('BUILDKIT_MULTI_PLATFORM: an index around one image', async (t) => {
  const { folder, build } = setup(t);
  const args = ['--build-arg=BUILDKIT_MULTI_PLATFORM=1', '--platform=linux/arm64', '--annotation=index:a=1'];
  await build(copies, [
    ...args,
    '-o',
    `type=oci,tar=false,dest=${folder}/oci`,
    '-o',
    `${folder}/files`,
    '-t',
    'x',
  ]);
  const [index] = layoutOutline(join(folder, 'oci'));
  t.is(index?.mediaType, mediaTypes.ociIndex);
  t.deepEqual(index?.annotations, { a: '1' });
  t.is(index?.manifests?.length, 1);
  t.deepEqual(filesBelow(join(folder, 'files')), { 'linux_arm64/arm64': 'A' });
});

const annotated = [
  '--annotation=a=1',
  '--annotation=index,index-descriptor:b=2',
  '--annotation=manifest[linux/arm64],manifest-descriptor[amd64]:c=3=4',
];

test('annotations stand in manifest, index and descriptors: stored, pushed, exported, saved, copied and shown', async (t) => {
  const { folder, build, run } = setup(t);
  const server = await registry(t);
  const name = `${server.host}/app:1`;
  await build(copies, [
    both,
    ...annotated,
    '-t',
    name,
    '--push',
    '-o',
    `type=oci,tar=false,dest=${folder}/oci`,
  ]);
  const [outline] = layoutOutline(join(folder, 'oci'));
  if (outline === undefined) return t.fail();
  t.deepEqual(outline.annotations, { b: '2' });
  t.deepEqual(outline.descriptor, { b: '2' });
  t.deepEqual(
    outline.manifests?.map(({ annotations, descriptor }) => [annotations, descriptor]),
    [
      [{ a: '1' }, { c: '3=4' }],
      [{ a: '1', c: '3=4' }, {}],
    ],
  );
  t.deepEqual({ ...outline, descriptor: {} }, { ...pushed(server, 'app', '1'), descriptor: {} });
  await run(['save', '--format=oci-dir', '-o', join(folder, 'saved'), name]);
  t.deepEqual(layoutOutline(join(folder, 'saved')), [outline]);
  await run(['copy', `store:${name}`, `oci:${folder}/copied`]);
  t.deepEqual(layoutOutline(join(folder, 'copied')), [outline]);
  await run(['push', name, `${server.host}/again:1`]);
  t.deepEqual(pushed(server, 'again', '1'), pushed(server, 'app', '1'));
  const facts = JSON.parse((await run(['inspect', '--platform=linux/arm64', name])).stdout) as object;
  t.like(facts, { annotations: { a: '1', c: '3=4' }, indexAnnotations: { b: '2' } });
});

test('annotations of an output win over none, --annotation over them; the cache does not know them', async (t) => {
  const { folder, build, run } = setup(t);
  const place = `type=oci,tar=false,dest=${folder}/oci,annotation.x=1,annotation.y=1,annotation-manifest-descriptor.z=1`;
  await build(copies);
  const { stderr } = await build(copies, ['-o', place, '--annotation=y=2', '-t', 'app']);
  t.regex(stderr, /1 hit, 0 misses/);
  const [outline] = layoutOutline(join(folder, 'oci'));
  t.deepEqual([outline?.annotations, outline?.descriptor], [{ x: '1', y: '2' }, { z: '1' }]);
  const facts = JSON.parse((await run(['inspect', 'app'])).stdout) as object;
  t.like(facts, { annotations: { y: '2' } });
});

test("Docker's media types: manifests hold annotations, and make way for those of an index", async (t) => {
  const { folder, build } = setup(t);
  const output = `type=oci,tar=false,oci-mediatypes=false,dest=${folder}`;
  await build(copies, ['--annotation=a=1', '-o', `${output}/docker`]);
  const [docker] = layoutOutline(join(folder, 'docker'));
  t.deepEqual([docker?.mediaType, docker?.annotations], [mediaTypes.dockerManifest, { a: '1' }]);
  const { stderr } = await build(copies, [both, '--annotation=index:a=1', '-o', `${output}/oci`]);
  t.regex(stderr, /need OCI's media types: they are used/);
  const [oci] = layoutOutline(join(folder, 'oci'));
  t.deepEqual(
    [oci?.mediaType, oci?.manifests?.[0]?.mediaType],
    [mediaTypes.ociIndex, mediaTypes.ociManifest],
  );
});

const nowhere: readonly (readonly [args: readonly string[], message: RegExp])[] = [
  [['--annotation=index:a=1'], /no index to be annotated/],
  [['--annotation=index-descriptor:a=1'], /no index to be annotated/],
  [['-o', 'type=oci,dest=x,annotation-index.a=1'], /no index to be annotated/],
  [[both, '--annotation=manifest[linux/s390x]:a=1'], /for linux\/s390x, which is not built/],
  [['--annotation=foo:a=1'], /there is no "foo" to be annotated/],
  [['--annotation=:a=1'], /there is no "" to be annotated/],
  [['--annotation=manifest[a/b/c/d]:a=1'], /invalid platform/],
  [['--annotation=a'], /not of the form KEY=VALUE/],
  [['--annotation==a'], /no key/],
];
for (const [args, message] of nowhere) {
  test(`annotations that would stand nowhere: ${args.join(' ')}`, async (t) => {
    const { build } = setup(t);
    await t.throwsAsync(build(copies, args), { message, code: 'usage' });
  });
}
