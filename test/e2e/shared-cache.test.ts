/** Many machines that share one cache in a registry: at once, without the right to write, with their cache mounts. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { withoutFiles } from '../cache/remote/suite.js';
import { findBase, placeBase } from '../helpers/bases.js';
import { isRoot } from '../helpers/programs.js';
import {
  createCertificate,
  registryAvailable,
  startRegistry,
  type RegistryServer,
  type RegistryServerOptions,
} from '../helpers/registry-server.js';
import { startTokenServer } from '../helpers/token-server.js';
import { hasCommandLine, makeWorkspace, stepVerdicts, type Workspace } from '../helpers/tsbuild.js';
import { scratchOf } from '../helpers/stores.js';

const it = hasCommandLine && registryAvailable ? test.serial : test.serial.skip;
const base = isRoot && registryAvailable ? await findBase('busybox') : undefined;
const withSteps = hasCommandLine && base !== undefined ? test.serial : test.serial.skip;

async function registryOf(t: ExecutionContext, options: RegistryServerOptions = {}): Promise<RegistryServer> {
  const registry = await startRegistry(options);
  t.teardown(() => registry.close());
  return registry;
}

/** A machine with an empty store and a context. */
function machine(t: ExecutionContext, files: Readonly<Record<string, string>>): Workspace {
  const workspace = makeWorkspace('shared-cache');
  t.teardown(() => workspace.remove());
  workspace.write(Object.fromEntries(Object.entries(files).map(([name, text]) => [`c/${name}`, text])));
  return workspace;
}

async function build(where: Workspace, args: readonly string[], env = {}): Promise<string> {
  const command = ['build', '--progress', 'plain', ...args, where.path('c')];
  const ended = await where.tsbuild(command, { env });
  if (ended.code !== 0) throw new Error(ended.output);
  return ended.output;
}

it('ten processes that write to one reference at once lose no record', async (t) => {
  const registry = await registryOf(t);
  const cache = `${registry.host}/team/cache:main`;
  const numbers = Array.from({ length: 10 }, (_, i) => i);
  const files = Object.fromEntries(numbers.map((i) => [`own-${i}`, `text ${i}`]));
  const stage = (i: number): string => `FROM scratch AS s${i}\nCOPY shared /\nCOPY own-${i} /own\n`;
  const writers = numbers.map((i) => machine(t, { ...files, shared: 'all', Dockerfile: stage(i) }));
  const options = ['--cache-from', cache, '--cache-to', `type=registry,ref=${cache},mode=max`];
  const outputs = await Promise.all(writers.map((writer) => build(writer, options)));
  // docker-registry answers 500 to who asks for a tag while another one moves it: the request is repeated.
  const warnings = outputs.flatMap((output) => output.match(/WARNING.*/g) ?? []);
  t.deepEqual(
    warnings.filter((warning) => !warning.endsWith('trying again')),
    [],
  );

  const all = `${numbers.map(stage).join('')}FROM scratch\n${numbers.map((i) => `COPY --from=s${i} /own /${i}\n`).join('')}`;
  const reader = machine(t, { ...files, shared: 'all', Dockerfile: all });
  const output = await build(reader, ['--cache-from', cache]);
  const { cached, ran } = stepVerdicts(output);
  t.is(cached.filter((step) => step.includes('COPY own-')).length, 10, output);
  t.deepEqual(
    ran.filter((step) => !step.includes('--from=')),
    [],
  );
  t.false(output.includes('WARNING'), output);
});

it('who may only read uses a cache without a warning, by the short form, and asks for nothing else', async (t) => {
  const certificate = await createCertificate(scratchOf(t, 'tokens'));
  const password = { username: 'team', password: 'p' };
  const tokens = await startTokenServer({ certificate, password, anonymousPulls: true });
  t.teardown(() => tokens.close());
  const registry = await registryOf(t, { token: { ...tokens, certificate: certificate.authority } });
  const files = { Dockerfile: 'FROM scratch\nCOPY a /\nCOPY b /\n', a: '1', b: '2' };
  const team = machine(t, files);
  const auth = Buffer.from('team:p').toString('base64');
  team.write({ 'docker/config.json': JSON.stringify({ auths: { [registry.host]: { auth } } }) });
  const cache = `${registry.host}/team/cache:main`;
  const image = `${registry.host}/team/app:1`;
  await build(
    team,
    ['-t', image, '--push', '--cache-to', `type=registry,ref=${cache}`, '--cache-to', 'type=inline'],
    { DOCKER_CONFIG: team.path('docker') },
  );
  registry.requests();

  for (const from of [cache, image]) {
    const fork = machine(t, { ...files, b: 'changed' });
    const output = await build(fork, ['--cache-from', from]);
    t.deepEqual(
      stepVerdicts(output).ran.map((step) => step.replace(/.*\] /, '')),
      ['COPY b /'],
    );
    t.false(output.includes('WARNING'), output);
  }
  const requests = registry.requests();
  t.true(
    requests.every((request) => /^(?:GET|HEAD) /.test(request)),
    requests.join('\n'),
  );

  const writing = ['build', '--cache-to', `type=registry,ref=${cache}`, 'c'];
  const refused = await machine(t, { ...files, b: 'other' }).tsbuild(writing);
  t.not(refused.code, 0);
});

it('no document of a cache has the value of an argument, wherever the Dockerfile puts it', async (t) => {
  const registry = await registryOf(t);
  const cache = `${registry.host}/team/cache:main`;
  const value = 'hunter2-correct-horse';
  const Dockerfile = `FROM scratch
ARG V
ARG U=1234567890
ENV FROM_ARG=$V
LABEL note=$V
WORKDIR /w/$V
COPY --chown=$U:$U a $V/
COPY --chmod=644 --exclude=$V a /b
COPY <<"x" /$V
$V
x
ADD a /x-$V
USER $V
STOPSIGNAL SIGTERM
`;
  const options = ['--build-arg', `V=${value}`, '--cache-to', `type=registry,ref=${cache},mode=max`];
  await build(machine(t, { Dockerfile, a: '1' }), options);
  const documents = await jsonOf(join(registry.storage, 'docker/registry/v2/blobs'));
  t.true(documents.length >= 4, 'manifests and documents of a part and of the head');
  t.true(documents.some((text) => text.includes('tsbuildCache')));
  for (const text of documents) {
    t.false(text.includes(value));
    t.false(text.includes('1234567890'));
  }
});

/** All JSON of a registry, unpacked, but what layers say too: the names and owners of their files. */
async function jsonOf(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile());
  const texts = await Promise.all(
    files.map(async (entry) => {
      const bytes = await readFile(join(entry.parentPath, entry.name));
      return withoutFiles(bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString('latin1');
    }),
  );
  return texts.filter((text) => text.startsWith('{'));
}

/** Says what it finds in a cache mount, and adds a file. */
const mounting = (host: string): string => `FROM ${host}/base:1
ARG RUNNER
RUN --mount=type=cache,id=pkg,target=/cache ls /cache && echo "$RUNNER" > /cache/$RUNNER && head -c 2000000 /dev/urandom > /cache/data-$RUNNER
RUN --mount=type=cache,id=other,target=/cache ls /cache > /found && touch /cache/$RUNNER
`;

withSteps('a new runner starts with the cache mounts of the one before, and sends what is new', async (t) => {
  const registry = await registryOf(t);
  const first = machine(t, { Dockerfile: 'FROM scratch\nADD rootfs.tar /\n' });
  placeBase(base ?? '', first.path('c'), 'rootfs.tar');
  await build(first, ['-t', `${registry.host}/base:1`, '--push']);
  const cache = `${registry.host}/team/cache:main`;
  const to = (mounts: string) => [
    '--cache-from',
    cache,
    '--cache-to',
    `type=registry,ref=${cache},mounts=${mounts}`,
  ];
  const run = async (runner: string, mounts = 'pkg'): Promise<string> => {
    const where = machine(t, { Dockerfile: mounting(registry.host) });
    return build(where, ['--build-arg', `RUNNER=${runner}`, ...to(mounts)]);
  };
  t.deepEqual(listed(await run('one')), []);
  const second = await run('two');
  t.deepEqual(listed(second), ['data-one', 'one']);
  const third = await run('three', 'true');
  t.deepEqual(listed(third), ['data-one', 'data-two', 'one', 'two']);
  t.false(`${second}${third}`.includes('WARNING'));
});

/** Names that a step printed. */
function listed(output: string): readonly string[] {
  return [...output.matchAll(/^#\d+ [\d.]+ ([\w-]+)$/gm)].map(([, name = '']) => name);
}
