/** What a build asks of a registry, request by request. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { TsbuildError } from '../../src/util/errors.js';
import { runCli, type CliRun } from '../helpers/cli-run.js';
import { startFaultServer, type FaultServer, type Rule } from '../helpers/fault-server.js';
import { scratchOf } from '../helpers/stores.js';

interface Setup {
  readonly server: FaultServer;
  /** Builds a Dockerfile in a folder with a file `own`, in the store of this name. */
  readonly build: (dockerfile: string, args?: readonly string[], store?: string) => Promise<CliRun>;
  readonly run: (args: readonly string[], store?: string) => Promise<CliRun>;
  /** GETs of layers since the last call. */
  readonly layersFetched: () => number;
}

/** A registry with `base:1`: two layers, made by another store. */
async function setup(t: ExecutionContext, rules: readonly Rule[] = []): Promise<Setup> {
  const folder = scratchOf(t);
  const server = await startFaultServer({ rules });
  t.teardown(() => server.close());
  for (const name of ['one', 'two', 'own']) writeFileSync(join(folder, name), `content of ${name}`);
  const run: Setup['run'] = (args, store = 'store') =>
    runCli(join(folder, store), args, { HOME: folder, CONTAINERS_REGISTRIES_CONF: '' });
  const build: Setup['build'] = (dockerfile, args = [], store = 'store') => {
    writeFileSync(join(folder, 'Dockerfile'), dockerfile);
    return run(['build', '--progress=plain', ...args, folder], store);
  };
  const base = 'FROM scratch\nCOPY one /usr/one\nCOPY two /usr/two\nENV A=b\n';
  await build(base, ['-t', `${server.host}/base:1`, '--push'], 'other');
  const layers = [...server.registry.manifests.values()].flatMap(({ bytes }) => {
    const manifest = JSON.parse(bytes.toString()) as { layers: { digest: string }[] };
    return manifest.layers.map(({ digest }) => digest);
  });
  let counted = server.seen.length;
  const layersFetched = (): number => {
    const fresh = server.seen.slice(counted);
    counted = server.seen.length;
    return fresh.filter(
      ({ method, path }) => method === 'GET' && layers.some((digest) => path.endsWith(digest)),
    ).length;
  };
  return { server, build, run, layersFetched };
}

test('an image that only changes the configuration downloads no layer', async (t) => {
  const { server, build, layersFetched } = await setup(t);
  await build(`FROM ${server.host}/base:1\nENV X=y\nCMD ["/x"]\n`, ['-t', 'app']);
  t.is(layersFetched(), 0);
});

test('pushed to the registry of its base, it mounts the layers: none is downloaded or sent', async (t) => {
  const { server, build, layersFetched } = await setup(t);
  const before = server.seen.length;
  await build(`FROM ${server.host}/base:1\nENV X=y\n`, ['-t', `${server.host}/app:1`, '--push']);
  t.is(layersFetched(), 0);
  const mounts = server.seen.slice(before).filter(({ path }) => path.includes('mount='));
  t.is(mounts.length, 2);
  t.true(server.registry.manifests.has('app:1'));
});

test('a COPY streams each layer once, for its tree, and never again', async (t) => {
  const { server, build, layersFetched } = await setup(t);
  await build(`FROM ${server.host}/base:1\nCOPY own /usr/own\n`, ['-t', 'app']);
  t.is(layersFetched(), 2);
  await build(`FROM ${server.host}/base:1\nCOPY own /elsewhere/own\n`, ['-t', 'app']);
  t.is(layersFetched(), 0, 'the changesets are kept');
});

test('COPY --link needs nothing of the base', async (t) => {
  const { server, build, layersFetched } = await setup(t);
  await build(`FROM ${server.host}/base:1\nCOPY --link own /usr/own\n`, ['-t', 'app']);
  t.is(layersFetched(), 0);
});

test('a stage that the target does not need is not asked for', async (t) => {
  const { server, build } = await setup(t);
  const before = server.seen.length;
  await build(`FROM ${server.host}/base:1 AS unused\nCOPY own /x\nFROM scratch\nCOPY own /x\n`);
  t.is(server.seen.length, before);
});

test('a build from the cache asks what the tag means, by one HEAD, and downloads nothing', async (t) => {
  const { server, build, layersFetched } = await setup(t);
  const dockerfile = `FROM ${server.host}/base:1\nCOPY own /usr/own\n`;
  await build(dockerfile);
  layersFetched();
  const before = server.seen.length;
  await build(dockerfile);
  const requests = server.seen.slice(before).map(({ method, path }) => `${method} ${path}`);
  t.deepEqual(
    requests.filter((text) => !text.endsWith(' /v2/')),
    ['HEAD /v2/base/manifests/1'],
  );
});

test('--pull=missing asks nothing of what is here', async (t) => {
  const { server, build } = await setup(t);
  const dockerfile = `FROM ${server.host}/base:1\nENV A=c\n`;
  await build(dockerfile);
  const before = server.seen.length;
  await build(dockerfile, ['--pull=missing']);
  t.is(server.seen.length, before);
});

test('without the registry the copy in the store serves, with a warning', async (t) => {
  const { server, build } = await setup(t);
  const dockerfile = `FROM ${server.host}/base:1\nCOPY own /usr/own\n`;
  await build(dockerfile);
  await server.close();
  const { code, stderr } = await build(dockerfile, ['--retry=0']);
  t.is(code, 0);
  t.regex(stderr, /could not be checked, the copy in the store is used/);
});

test('without the registry and without a copy the build fails and says so', async (t) => {
  const { server, build } = await setup(t);
  await server.close();
  const error = await t.throwsAsync(build(`FROM ${server.host}/base:1\n`, ['--retry=0']), {
    instanceOf: TsbuildError,
  });
  t.is(error?.code, 'registry');
});

const damage = (nth: readonly number[]): Rule => ({
  method: 'GET',
  path: /\/blobs\/sha256:/,
  nth,
  fault: { kind: 'body', change: (body) => Buffer.from(body.map((byte, i) => (i === 40 ? byte ^ 1 : byte))) },
});

test('a layer that arrives damaged is fetched once more', async (t) => {
  // the first blob is the configuration
  const { server, build, layersFetched } = await setup(t, [damage([2])]);
  const { code, stderr } = await build(`FROM ${server.host}/base:1\nCOPY own /usr/own\n`);
  t.is(code, 0);
  t.is(layersFetched(), 3);
  t.regex(stderr, /the registry sent other bytes/);
});

test('a layer that is always damaged fails the pull, and nothing of it is kept', async (t) => {
  const { server, run } = await setup(t, [damage([2, 3, 4, 5])]);
  const error = await t.throwsAsync(run(['pull', `${server.host}/base:1`]), { instanceOf: TsbuildError });
  t.regex(error?.message ?? '', /the registry sent other bytes/);
  t.is((await run(['pull', '-q', `${server.host}/base:1`])).code, 0, 'what the registry has is good again');
});

test('a pull fetches only what is missing', async (t) => {
  const { server, run, layersFetched } = await setup(t);
  await run(['pull', '-q', `${server.host}/base:1`]);
  t.is(layersFetched(), 2);
  await run(['pull', '-q', `${server.host}/base:1`]);
  t.is(layersFetched(), 0);
});

test('a layer that is not what the configuration promised is refused', async (t) => {
  const { server, run } = await setup(t);
  const { manifests } = server.registry;
  const entry = manifests.get('base:1');
  if (entry === undefined) throw new Error('no base');
  const manifest = JSON.parse(entry.bytes.toString()) as { layers: object[] };
  const swapped = { ...manifest, layers: [...manifest.layers].reverse() };
  server.registry.addManifest('base', '1', { ...entry, bytes: Buffer.from(JSON.stringify(swapped)) });
  const error = await t.throwsAsync(run(['pull', `${server.host}/base:1`]), { instanceOf: TsbuildError });
  t.regex(error?.message ?? '', /unpacks to/);
});

test('a push that would be refused fails before anything is built', async (t) => {
  const { server, build } = await setup(t, [
    {
      method: 'POST',
      path: /\/v2\/forbidden\//,
      fault: {
        kind: 'answer',
        answer: { status: 403, headers: {}, body: Buffer.from('{"errors":[{"code":"DENIED"}]}') },
      },
    },
  ]);
  const before = server.seen.length;
  const error = await t.throwsAsync(
    build(`FROM ${server.host}/base:1\nCOPY own /x\n`, ['-t', `${server.host}/forbidden/app`, '--push']),
    { instanceOf: TsbuildError },
  );
  t.is(error?.code, 'auth');
  t.deepEqual(
    server.seen.slice(before).filter(({ path }) => path.includes('/base/')),
    [],
  );
});
