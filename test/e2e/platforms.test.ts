/** Builds for several platforms: RUN steps that platforms and targets share, and indexes as BuildKit writes them. */
import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { findBase, placeBase } from '../helpers/bases.js';
import { startFaultServer } from '../helpers/fault-server.js';
import { layoutOutline, type Outline } from '../helpers/layout-outline.js';
import { filesBelow } from '../helpers/local-tree.js';
import { outputOf } from '../helpers/programs.js';
import { startBuildkit } from '../helpers/references.js';
import { hasCommandLine, makeWorkspace, type Workspace } from '../helpers/tsbuild.js';

const busybox = hasCommandLine ? await findBase('busybox') : undefined;
const buildkit = hasCommandLine ? await startBuildkit() : undefined;
test.after.always(() => buildkit?.stop());

const withRun = busybox === undefined ? test.skip : test;
const withBuildkit = buildkit === undefined ? test.serial.skip : test.serial;

function workspaceOf(t: ExecutionContext): Workspace {
  const workspace = makeWorkspace('platforms');
  t.teardown(() => workspace.remove());
  return workspace;
}

const random = 'head -c 8 /dev/urandom | od -An -tx1';
const crossed = `FROM --platform=$BUILDPLATFORM scratch AS base
ADD rootfs.tar /
RUN ${random} > /once
FROM base AS build
ARG TARGETPLATFORM
RUN echo "for $TARGETPLATFORM" > /each; ${random} >> /each
FROM scratch AS app
COPY --from=build /once /each /
FROM scratch AS other
COPY --from=base /once /
`;

withRun('a RUN that platforms and targets share runs once, with --no-cache too', async (t) => {
  const workspace = workspaceOf(t);
  workspace.write({ 'c/Dockerfile': crossed });
  placeBase(busybox ?? '', workspace.path('c'));
  const platforms = '--platform=linux/amd64,linux/arm64,linux/arm/v7';
  const targets = ['--target=app', '--target=other', '-o', 'out/{target}'];
  const ended = await workspace.tsbuild(['--no-cache', platforms, ...targets, 'c']);
  t.is(ended.code, 0, ended.output);
  const read = (path: string): string => readFileSync(workspace.path('out', path), 'utf8');
  const folders = ['linux_amd64', 'linux_arm64', 'linux_arm_v7'];
  const once = ['app', 'other'].flatMap((target) =>
    folders.map((folder) => read(`${target}/${folder}/once`)),
  );
  t.is(new Set(once).size, 1);
  const each = folders.map((folder) => read(`app/${folder}/each`));
  t.is(new Set(each).size, 3);
  t.deepEqual(
    each.map((text) => text.split('\n')[0]),
    ['for linux/amd64', 'for linux/arm64', 'for linux/arm/v7'],
  );
});

const copies = 'FROM scratch\nARG TARGETARCH\nCOPY a /$TARGETARCH\nLABEL arch=$TARGETARCH\n';
const both = '--platform=linux/amd64,linux/arm64';

const cases: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['two platforms', [both]],
  ['a variant', ['--platform=linux/arm/v7,linux/arm64/v8,linux/386']],
  ['--platform twice', ['--platform=linux/amd64', '--platform=linux/arm/v6']],
  ['one platform', ['--platform=linux/arm64']],
  ['BUILDKIT_MULTI_PLATFORM', ['--build-arg=BUILDKIT_MULTI_PLATFORM=true', '--platform=linux/arm64']],
  ['annotations of one image', ['--annotation=a=1', '--annotation=manifest-descriptor:b=c=d']],
  [
    'annotations of an index',
    [both, '--annotation=a=1', '--annotation=index,manifest:b=2', '--annotation=index-descriptor:c=3'],
  ],
  [
    'annotations for a platform',
    [
      both,
      '--annotation=manifest[linux/arm64],manifest-descriptor[amd64]:a=1',
      '--annotation=index[arm64]:i=1',
    ],
  ],
];
for (const [name, args] of cases) {
  withBuildkit(`an index as BuildKit's: ${name}`, async (t) => {
    const workspace = workspaceOf(t);
    workspace.write({ 'c/Dockerfile': copies, 'c/a': 'A' });
    const context = workspace.path('c');
    const ours = await workspace.tsbuild([...args, '-o', 'type=oci,tar=false,dest=ours', context]);
    t.is(ours.code, 0, ours.output);
    const theirs = await buildkit?.build({ context, args });
    if (theirs?.code !== 0) return t.fail(theirs?.output);
    t.deepEqual(
      layoutOutline(workspace.path('ours')),
      withoutPlatform(await unpacked(theirs.image, workspace)),
    );
  });
}

withBuildkit(
  'a base index that was put together: each platform stands on its own base, as with BuildKit',
  async (t) => {
    const workspace = workspaceOf(t);
    const server = await startFaultServer();
    t.teardown(() => server.close());
    const base = `${server.host}/base`;
    workspace.write({
      'b/Dockerfile': 'FROM scratch\nARG TARGETARCH\nENV ARCH=$TARGETARCH\nCOPY b /base-$TARGETARCH\n',
      'b/b': 'B',
    });
    const members = ['amd64', 'arm64'].map((arch) => `${base}:${arch}`);
    for (const member of members) {
      const platform = `--platform=linux/${member.replace(/.*:/, '')}`;
      const pushed = await workspace.tsbuild(['build', platform, '-t', member, '--push', 'b']);
      t.is(pushed.code, 0, pushed.output);
    }
    await workspace.tsbuild(['manifest', 'create', `${base}:1`, ...members]);
    const listed = await workspace.tsbuild(['manifest', 'push', `${base}:1`]);
    t.is(listed.code, 0, listed.output);
    workspace.write({ 'c/Dockerfile': `FROM ${base}:1\nLABEL arch=$ARCH\nCOPY a /a\n`, 'c/a': 'A' });
    const context = workspace.path('c');
    const ours = await workspace.tsbuild([
      both,
      '-o',
      'type=oci,tar=false,dest=ours',
      '-o',
      'files',
      context,
    ]);
    t.is(ours.code, 0, ours.output);
    t.deepEqual(filesBelow(workspace.path('files')), {
      'linux_amd64/a': 'A',
      'linux_amd64/base-amd64': 'B',
      'linux_arm64/a': 'A',
      'linux_arm64/base-arm64': 'B',
    });
    const theirs = await buildkit?.build({ context, args: [both] });
    if (theirs?.code !== 0) return t.fail(theirs?.output);
    t.deepEqual(
      layoutOutline(workspace.path('ours')),
      withoutPlatform(await unpacked(theirs.image, workspace)),
    );
  },
);

/** The outline of an archive. */
async function unpacked(archive: string, workspace: Workspace): Promise<readonly Outline[]> {
  const folder = workspace.path('theirs');
  await outputOf(['sh', '-ec', 'mkdir "$1" && tar -xf "$2" -C "$1"', 'sh', folder, archive]);
  return layoutOutline(folder);
}

/** BuildKit's index.json names the platform of a single image when it was asked for; ours never does. */
function withoutPlatform(outlines: readonly Outline[]): readonly Outline[] {
  return outlines.map((outline) => ({ ...outline, platform: undefined }));
}

const refused: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['an annotation of the index of one image', ['--annotation=index:a=1']],
  ['an annotation for a platform that is not built', [both, '--annotation=manifest[s390x]:a=1']],
  ['an unknown place', ['--annotation=layer:a=1']],
  ['no value', ['--annotation=a']],
  ['an index that is not allowed', [both, '--build-arg=BUILDKIT_MULTI_PLATFORM=false']],
];
for (const [name, args] of refused) {
  withBuildkit(`refused as by BuildKit: ${name}`, async (t) => {
    const workspace = workspaceOf(t);
    workspace.write({ 'c/Dockerfile': copies, 'c/a': 'A' });
    const context = workspace.path('c');
    const ours = await workspace.tsbuild([...args, '-o', 'type=oci,dest=ours', context]);
    t.is(ours.code, 2, ours.output);
    t.not((await buildkit?.build({ context, args }))?.code, 0);
  });
}
