/** The docker command with tsbuild as its builder, and no daemon anywhere. */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import anyTest, { type ExecutionContext } from 'ava';
import { findProgram, runProgram } from '../helpers/programs.js';
import { hasCommandLine, makeWorkspace, type Workspace } from '../helpers/tsbuild.js';

const docker = findProgram('docker');
const test = docker !== undefined && hasCommandLine ? anyTest : anyTest.skip;
const plain = hasCommandLine ? anyTest : anyTest.skip;

function workspace(t: ExecutionContext): Workspace & { config: string } {
  const made = makeWorkspace('docker');
  t.teardown(() => made.remove());
  made.write({ Dockerfile: 'FROM scratch\nCOPY data /data\nLABEL a=b\n', data: 'content' });
  return { ...made, config: made.path('.docker') };
}

const env = (made: Workspace & { config: string }) => ({
  DOCKER_CONFIG: made.config,
  DOCKER_HOST: `unix://${made.path('no.sock')}`,
  DOCKER_BUILDKIT: undefined,
  TSBUILD_ROOT: made.store,
});

test('an unchanged docker build and docker builder prune run tsbuild', async (t) => {
  const made = workspace(t);
  const run = (...args: string[]) => runProgram(['docker', ...args], { cwd: made.folder, env: env(made) });
  t.is((await made.tsbuild(['docker-plugin', 'install', '--default'], { env: env(made) })).code, 0);
  for (const args of [
    ['build', '-t', 'app', '.'],
    ['image', 'build', '-t', 'app', '.'],
    ['builder', 'build', '-t', 'app', '.'],
    ['--context', 'default', 'build', '-t', 'app', '.'],
    ['build', '--rm', '--force-rm', '--builder', 'x', '--progress', 'plain', '-t', 'app', '.'],
    ['tsbuild', 'build', '-t', 'app', '.'],
  ]) {
    const { code, stdout, stderr } = await run(...args);
    t.is(code, 0, stderr);
    t.regex(stdout, /^sha256:[0-9a-f]{64}\n$/, args.join(' '));
  }
  const ignored = await run('build', '--rm', '--builder=x', '.');
  t.regex(ignored.stderr, /--rm is ignored[^]*--builder is ignored/);
  t.regex((await run('tsbuild', 'images')).stdout, /^app:latest /m);
  t.regex((await run('builder', 'prune', '-f')).stdout, /^deleted /);
  t.regex((await run('build', '--load', '-t', 'x', '.')).stderr, /--load needs a Docker daemon/);
  t.is((await run('build', '--no-such-flag', '.')).code, 2, 'the exit code passes through');
  t.regex((await run('--help')).stdout, /tsbuild\*? +Build images without a daemon/);
});

test('the default is taken back, and everything else of config.json stays', async (t) => {
  const made = workspace(t);
  made.write({ '.docker/config.json': '{"auths": {"a.io": {"auth": "YTpi"}}, "psFormat": "table"}' });
  const read = () => JSON.parse(readFileSync(made.path('.docker/config.json'), 'utf8')) as object;
  const before = read();
  await made.tsbuild(['docker-plugin', 'install', '--default'], { env: env(made) });
  t.deepEqual(read(), { ...before, aliases: { builder: 'tsbuild' } });
  const { stdout } = await made.tsbuild(['docker-plugin', 'uninstall'], { env: env(made) });
  t.is(stdout, 'Removed the plugin\n');
  t.deepEqual(read(), before);
  t.false(existsSync(made.path('.docker/cli-plugins/docker-tsbuild')));
});

plain('another program’s plugin is neither replaced nor removed', async (t) => {
  const made = workspace(t);
  made.write({ '.docker/cli-plugins/docker-tsbuild': '#!/bin/sh\n' });
  chmodSync(made.path('.docker/cli-plugins/docker-tsbuild'), 0o755);
  for (const action of ['install', 'uninstall']) {
    const { code, stderr } = await made.tsbuild(['docker-plugin', action], { env: env(made) });
    t.is(code, 2);
    t.regex(stderr, /is not the plugin of tsbuild/);
  }
});

/** A daemon that takes one image. */
async function startDaemon(t: ExecutionContext, path: string, reply: string) {
  const seen: { url: string | undefined; digest: string; bytes: number }[] = [];
  const server = createServer((request, response) => {
    const hash = createHash('sha256');
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      bytes += chunk.length;
    });
    request.on('end', () => {
      seen.push({ url: request.url, digest: hash.digest('hex'), bytes });
      response.end(reply);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return seen;
}

plain('--load sends the archive that -o type=docker writes to the daemon’s socket', async (t) => {
  const made = workspace(t);
  const seen = await startDaemon(t, made.path('no.sock'), '{"stream":"Loaded image: app:latest"}\n');
  const { code, stderr } = await made.tsbuild(['build', '--load', '-t', 'app', '.'], { env: env(made) });
  t.is(code, 0, stderr);
  await made.tsbuild(['build', '-o', 'type=docker,dest=a.tar', '-t', 'app', '.']);
  const expected = createHash('sha256')
    .update(readFileSync(made.path('a.tar')))
    .digest('hex');
  t.deepEqual(
    seen.map(({ url, digest }) => ({ url, digest })),
    [{ url: '/images/load?quiet=1', digest: expected }],
  );
});

plain('--load: what the daemon says is told', async (t) => {
  const made = workspace(t);
  await startDaemon(
    t,
    made.path('no.sock'),
    '{"errorDetail":{"message":"no space"},"error":"no space left"}\n',
  );
  const { code, stderr } = await made.tsbuild(['build', '--load', '-t', 'app', '.'], { env: env(made) });
  t.is(code, 1);
  t.regex(stderr, /did not take the image: no space left/);
});

plain('tsbuild kaniko does the job of kaniko’s executor', async (t) => {
  const made = workspace(t);
  const { code, stderr } = await made.tsbuild([
    'kaniko',
    `--context=dir://${made.folder}`,
    '--dockerfile=Dockerfile',
    '--destination=r.invalid/app:1',
    '--no-push',
    '--tar-path=out.tar',
    '--digest-file=digest',
    '--image-name-tag-with-digest-file=named',
    '--snapshot-mode=redo',
    '--reproducible',
  ]);
  t.is(code, 0, stderr);
  t.regex(stderr, /warning: --snapshot-mode is ignored/);
  const digest = readFileSync(made.path('digest'), 'utf8');
  t.regex(digest, /^sha256:[0-9a-f]{64}$/);
  t.is(readFileSync(made.path('named'), 'utf8'), `r.invalid/app:1@${digest}\n`);
  t.true(existsSync(made.path('out.tar')));
  writeFileSync(made.path('Dockerfile'), 'FROM scratch\nNONSENSE\n');
  t.is((await made.tsbuild(['kaniko', `--context=${made.folder}`, '--no-push'])).code, 3);
});
