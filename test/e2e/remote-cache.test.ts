/** Two machines that share nothing but a registry. */
import { join } from 'node:path';
import test from 'ava';
import { findBase, placeBase } from '../helpers/bases.js';
import { isRoot } from '../helpers/programs.js';
import { registryAvailable, startRegistry, type RegistryServer } from '../helpers/registry-server.js';
import { hasCommandLine, makeWorkspace, stepVerdicts, type Workspace } from '../helpers/tsbuild.js';

const base = isRoot ? await findBase('busybox') : undefined;
const ready = hasCommandLine && base !== undefined && registryAvailable;
const it = ready ? test.serial : test.serial.skip;

const copies = 44;
/** 60 steps: a base in the registry, a stage that the image copies from, many small layers. */
const dockerfile = (registry: string): string => `FROM ${registry}/base:1 AS build
ARG TOKEN
RUN head -c 3000000 /dev/urandom > /tool
${Array.from({ length: 6 }, (_, i) => `RUN echo ${i} $TOKEN >> /log`).join('\n')}
FROM ${registry}/base:1
COPY --from=build /tool /log /opt/
${Array.from({ length: copies }, (_, i) => `COPY file /srv/copy-${i}`).join('\n')}
RUN mkdir -p /var/lib/app && echo ready > /var/lib/app/state
${Array.from({ length: 6 }, (_, i) => `WORKDIR /srv/${i}`).join('\n')}
CMD ["cat", "/opt/log"]
`;

let registry: RegistryServer;
const machines: Workspace[] = [];
/** A machine with an empty store and the context. */
function machine(): Workspace {
  const workspace = makeWorkspace('remote-cache');
  machines.push(workspace);
  workspace.write({ 'c/Dockerfile': dockerfile(registry.host), 'c/file': 'content\n' });
  return workspace;
}

async function build(where: Workspace, args: readonly string[]): Promise<string> {
  const ended = await where.tsbuild([
    'build',
    '--progress',
    'plain',
    '--build-arg',
    'TOKEN=t',
    ...args,
    where.path('c'),
  ]);
  if (ended.code !== 0) throw new Error(ended.output);
  return ended.output;
}

test.before(async () => {
  if (!ready || base === undefined) return;
  registry = await startRegistry();
  const first = makeWorkspace('remote-cache-base');
  machines.push(first);
  placeBase(base, first.path('c'), 'rootfs.tar');
  first.write({ 'c/Dockerfile': 'FROM scratch\nADD rootfs.tar /\n' });
  await first.tsbuild(['build', '-t', `${registry.host}/base:1`, '--push', first.path('c')]);
});
test.after.always(async () => {
  for (const workspace of machines) await workspace.remove();
  if (ready) await registry.close();
});

const imageOf = (output: string): string | undefined => /^sha256:[0-9a-f]{64}$/m.exec(output)?.[0];
const isBlobRead = (request: string): boolean => /^GET \S+\/blobs\//.test(request);
const sizeOf = (request: string): number => Number(request.split(' ').at(-1));

it('a second machine runs nothing and downloads no layer, also to push', async (t) => {
  const cache = `${registry.host}/team/cache:main`;
  const first = await build(machine(), [
    `--tag=${registry.host}/team/app:1`,
    '--push',
    `--cache-to=type=registry,ref=${cache},mode=max`,
  ]);
  t.is(stepVerdicts(first).cached.length, 0);
  registry.requests();

  const second = await build(machine(), [
    `--tag=${registry.host}/team/other:1`,
    '--push',
    `--cache-from=${cache}`,
    `--cache-to=type=registry,ref=${cache},mode=max`,
  ]);
  const requests = registry.requests();
  t.deepEqual(stepVerdicts(second).ran, []);
  t.is(imageOf(second), imageOf(first));
  // The config of the base, and the records: JSON only.
  const read = requests.filter(isBlobRead);
  t.is(read.length, 2, read.join('\n'));
  t.true(read.every((request) => sizeOf(request) < 100_000));
  const ofCache = requests.filter((request) => request.includes('/v2/team/cache/'));
  t.is(ofCache.length, 3, ofCache.join('\n'));
  t.false(requests.some((request) => /^PUT \S+\/team\/cache\//.test(request)));
});

it('a third machine without a push asks for eight things at most', async (t) => {
  registry.requests();
  const output = await build(machine(), ['-t', 'app', '--cache-from', `${registry.host}/team/cache:main`]);
  t.deepEqual(stepVerdicts(output).ran, []);
  const requests = registry.requests();
  t.true(requests.length <= 8, requests.join('\n'));
});

it('a build with one more step sends that step and the records, and asks for nothing else', async (t) => {
  registry.requests();
  const where = machine();
  where.write({ 'c/Dockerfile': `${dockerfile(registry.host)}COPY file /srv/more\n` });
  const cache = `${registry.host}/team/cache:main`;
  const output = await build(where, [
    '--cache-from',
    cache,
    '--cache-to',
    `type=registry,ref=${cache},mode=max`,
  ]);
  t.deepEqual(stepVerdicts(output).ran.length, 1, output);
  const requests = registry.requests().filter((request) => request.includes('/v2/team/cache/'));
  const count = (pattern: RegExp): number => requests.filter((request) => pattern.test(request)).length;
  const all = requests.join('\n');
  // The layer, and the records of a part and of the head.
  t.is(count(/^PUT \S+\/blobs\//), 3, all);
  t.is(count(/^PUT \S+\/manifests\//), 2, all);
  // Only the empty config is asked for.
  t.true(count(/^HEAD /) <= 1, all);
  t.true(
    requests.filter(isBlobRead).every((request) => sizeOf(request) < 100_000),
    all,
  );
});

it('what is exported from a remote hit is what was built', async (t) => {
  const [built, cached] = [machine(), machine()];
  const cache = `${registry.host}/team/exported:x`;
  const epoch = { env: { SOURCE_DATE_EPOCH: '1700000000' } };
  const run = (where: Workspace, option: readonly string[]) =>
    where.tsbuild(
      ['build', '-q', ...option, '-o', `type=oci,dest=${where.path('image.tar')}`, where.path('c')],
      epoch,
    );
  const first = await run(built, ['--cache-to', `type=registry,ref=${cache}`]);
  t.is(first.code, 0, first.output);
  registry.requests();
  const second = await run(cached, ['--cache-from', cache]);
  t.is(second.code, 0, second.output);
  t.is(second.stdout, first.stdout);
});

it('an image can be its own cache', async (t) => {
  const name = `${registry.host}/team/inline:1`;
  const first = await build(machine(), ['-t', name, '--push', '--cache-to', 'type=inline']);
  const second = await build(machine(), [
    '-t',
    name,
    '--push',
    '--cache-from',
    name,
    '--cache-to',
    'type=inline',
  ]);
  t.deepEqual(stepVerdicts(second).ran, []);
  t.is(imageOf(second), imageOf(first));
  const refused = await machine().tsbuild([
    'build',
    '--cache-to',
    `type=registry,ref=${name}`,
    join(machine().folder, 'c'),
  ]);
  t.not(refused.code, 0);
  t.regex(refused.stderr, /is an image, not a cache/);
});

it('a registry that is not there is a warning for --cache-from and an error for --cache-to', async (t) => {
  const small = { 'c/Dockerfile': 'FROM scratch\nCOPY file /\n', 'c/file': '1' };
  const nowhere = '127.0.0.1:9/cache';
  const where = machine();
  where.write(small);
  const run = (option: readonly string[]) =>
    where.tsbuild(['build', '--retry', '0', '--progress', 'plain', ...option, where.path('c')]);
  const read = await run(['--cache-from', nowhere]);
  t.is(read.code, 0, read.output);
  t.is(read.output.match(/WARNING/g)?.length, 1, read.output);
  const written = await run(['--cache-to', `type=registry,ref=${nowhere}`]);
  t.is(written.code, 5, written.output);
  t.regex(written.stdout, /^sha256:/m, 'the image is finished nevertheless');
  const ignored = await run(['--cache-to', `type=registry,ref=${nowhere},ignore-error=true`]);
  t.is(ignored.code, 0, ignored.output);
});
