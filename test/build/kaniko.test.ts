/** `tsbuild kaniko` from the command line to the registry and the files of a pipeline. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { mediaTypes } from '../../src/oci/media-types.js';
import { digestOf } from '../../src/oci/digest.js';
import { runCli, type CliRun } from '../helpers/cli-run.js';
import { startFaultServer, type FaultServer } from '../helpers/fault-server.js';
import { layoutOutline } from '../helpers/layout-outline.js';
import { scratchOf } from '../helpers/stores.js';

interface Setup {
  readonly folder: string;
  readonly server: FaultServer;
  readonly kaniko: (args: readonly string[], store?: string) => Promise<CliRun>;
}

async function setup(t: ExecutionContext): Promise<Setup> {
  const folder = scratchOf(t);
  const server = await startFaultServer();
  t.teardown(() => server.close());
  mkdirSync(join(folder, 'context/sub'), { recursive: true });
  writeFileSync(join(folder, 'context/a'), 'A');
  writeFileSync(
    join(folder, 'context/Other'),
    'FROM scratch AS one\nCOPY a /\nFROM one\nARG V\nLABEL v=$V\n',
  );
  writeFileSync(join(folder, 'context/sub/Dockerfile'), 'FROM scratch\nCOPY Dockerfile /\n');
  const env = { HOME: folder, CONTAINERS_REGISTRIES_CONF: '' };
  const kaniko: Setup['kaniko'] = (args, store = 'store') =>
    runCli(folder, ['kaniko', ...args], { ...env, TSBUILD_ROOT: join(folder, store) });
  return { folder, server, kaniko };
}

test('pushed to each destination; files name what was pushed', async (t) => {
  const { folder, server, kaniko } = await setup(t);
  const file = (name: string): string => join(folder, name);
  const destinations = [`--destination=${server.host}/g/app:1`, `-d=${server.host}/g/app`];
  const files = [
    `--digest-file=${file('digest')}`,
    `--image-name-with-digest-file=${file('names')}`,
    `--image-name-tag-with-digest-file=${file('tags')}`,
  ];
  const inputs = [
    `--context=dir://${folder}/context`,
    '--dockerfile=Other',
    '--build-arg=V=1',
    '--label=x=y',
  ];
  const ran = await kaniko([...inputs, ...destinations, ...files, '--insecure', '--verbosity=info']);
  t.is(ran.code, 0, ran.stderr);
  t.regex(ran.stderr, /COPY a \//);
  const manifest = server.registry.manifests.get('g/app:1');
  const digest = digestOf(manifest?.bytes ?? Buffer.alloc(0));
  t.deepEqual(server.registry.manifests.get('g/app:latest')?.bytes, manifest?.bytes);
  t.is(readFileSync(file('digest'), 'utf8'), digest);
  t.is(
    readFileSync(file('names'), 'utf8'),
    `${server.host}/g/app@${digest}\n${server.host}/g/app@${digest}\n`,
  );
  t.is(
    readFileSync(file('tags'), 'utf8'),
    `${server.host}/g/app:1@${digest}\n${server.host}/g/app:latest@${digest}\n`,
  );
});

test('--no-push: archives and layouts, the target alone, times of 0, a platform', async (t) => {
  const { folder, server, kaniko } = await setup(t);
  const args = [
    '-c',
    `${folder}/context`,
    '-f',
    'Other',
    '--no-push',
    `-d=${server.host}/app:1`,
    '--target=one',
  ];
  const outputs = [`--tar-path=${folder}/app.tar`, `--oci-layout-path=${folder}/oci`];
  const ran = await kaniko([
    ...args,
    ...outputs,
    '--reproducible',
    '--custom-platform=linux/arm64',
    '-v=error',
  ]);
  t.deepEqual([ran.code, ran.stderr], [0, '']);
  t.deepEqual([...server.registry.manifests.keys()], []);
  const [image] = layoutOutline(join(folder, 'oci'));
  t.is(image?.config, 'linux/arm64');
  t.is(image?.mediaType, mediaTypes.ociManifest);
  t.true(readFileSync(join(folder, 'app.tar'), 'latin1').includes('manifest.json'));
  const config = readFileSync(join(folder, 'app.tar'), 'latin1').match(/"created":"[^"]*"/g) ?? [];
  t.deepEqual([...new Set(config)], ['"created":"1970-01-01T00:00:00Z"']);
});

test('--cache: another machine finds the steps in the registry', async (t) => {
  const { folder, server, kaniko } = await setup(t);
  const args = ['-c', `${folder}/context`, '-f', 'Other', `-d=${server.host}/app:1`, '--cache', '-v=info'];
  const cache = [`--cache-repo=${server.host}/kept`, '--cache-ttl=1h'];
  await kaniko([...args, ...cache]);
  t.true([...server.registry.manifests.keys()].some((key) => key.startsWith('kept')));
  const again = await kaniko([...args, ...cache, '--no-push-cache', '--push-retry=1'], 'other');
  t.regex(again.stderr, /1 hit, 0 misses/);
});

test('a folder of the context, progress as JSON', async (t) => {
  const { folder, kaniko } = await setup(t);
  const place = ['-c', `${folder}/context`, '--context-sub-path=sub', '--no-push'];
  const ran = await kaniko([...place, '--log-format=json']);
  t.is(ran.code, 0);
  t.notThrows(() =>
    ran.stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  );
});

test('annotations', async (t) => {
  const { folder, kaniko } = await setup(t);
  const args = ['-c', `${folder}/context`, '-f', 'Other', '--no-push', `--oci-layout-path=${folder}/oci`];
  await kaniko([...args, '--annotation=a=b']);
  t.deepEqual(layoutOutline(join(folder, 'oci'))[0]?.annotations, { a: 'b' });
});
