import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createCredentialSource } from '../../src/registry/credentials.js';
import { TsbuildError } from '../../src/util/errors.js';

const where = { registry: 'reg.com', repository: 'a' };

async function home(t: ExecutionContext, files: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tsbuild-home-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}

const file = (password: string, registry = 'reg.com') => ({
  auths: { [registry]: { username: 'u', password } },
});

async function passwordOf(
  source: ReturnType<typeof createCredentialSource>,
  repository = where,
): Promise<string | undefined> {
  const found = await source.find(repository);
  return found?.kind === 'basic' ? found.password : found?.token;
}

test('sources are asked in order', async (t) => {
  const folder = await home(t, {
    '.docker/config.json': file('docker'),
    'run/containers/auth.json': file('runtime'),
    '.config/containers/auth.json': file('containers'),
    'other/config.json': file('other'),
    'named.json': file('named'),
  });
  const find = (env: Record<string, string>, more = {}) =>
    passwordOf(createCredentialSource({ env, home: folder, ...more }));
  const runtime = { XDG_RUNTIME_DIR: join(folder, 'run') };
  t.is(await find({}), 'docker');
  t.is(await find({ DOCKER_CONFIG: join(folder, 'other') }), 'other');
  t.is(await find({ DOCKER_CONFIG: '/nonexistent', ...runtime }), 'runtime');
  t.is(await find({ DOCKER_CONFIG: '/nonexistent' }), 'containers');
  t.is(await find({ DOCKER_AUTH_CONFIG: JSON.stringify(file('inline')) }), 'inline');
  t.is(await find({ DOCKER_AUTH_CONFIG: JSON.stringify(file('inline', 'other.com')) }), 'docker');
  t.is(await find({ REGISTRY_AUTH_FILE: join(folder, 'named.json') }), 'named');
  t.is(await find({ REGISTRY_AUTH_FILE: '/nonexistent' }), undefined);
  t.is(await find({}, { authFile: join(folder, 'named.json') }), 'named');
  t.is(await find({}, { credentials: { kind: 'bearer', token: 'given' } }), 'given');
  t.is(await passwordOf(createCredentialSource({ env: {}, home: undefined })), undefined);
});

test('a named auth file must be there', async (t) => {
  const source = createCredentialSource({ env: {}, home: undefined, authFile: '/nonexistent/auth.json' });
  await t.throwsAsync(source.find(where), { instanceOf: TsbuildError, code: 'auth', message: /ENOENT/ });
});

test('a folder or a huge file in place of an auth file is refused', async (t) => {
  const folder = await home(t, { 'big.json': ' '.repeat(1024 * 1024 + 1) });
  for (const authFile of [folder, join(folder, 'big.json'), '/dev/zero']) {
    await t.throwsAsync(createCredentialSource({ env: {}, home: undefined, authFile }).find(where), {
      instanceOf: TsbuildError,
      code: 'auth',
    });
  }
});

test('headers of the files are given, those of the first file first', async (t) => {
  const folder = await home(t, {
    '.docker/config.json': { HttpHeaders: { A: '1' } },
    '.config/containers/auth.json': { HttpHeaders: { A: '2', B: '2' } },
  });
  t.deepEqual(await createCredentialSource({ env: {}, home: folder }).headers(), { A: '1', B: '2' });
});

/** A folder with a helper `test` that runs a script. */
async function helper(
  t: ExecutionContext,
  script: string,
  config: object,
): Promise<{ folder: string; env: Record<string, string> }> {
  const folder = await home(t, {
    '.docker/config.json': config,
    'bin/docker-credential-test': `#!/bin/sh\n${script}\n`,
  });
  await chmod(join(folder, 'bin/docker-credential-test'), 0o755);
  return { folder, env: { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, OUT: join(folder, 'out') } };
}

const answer = (username: string, secret: string) =>
  `printf '{"ServerURL":"x","Username":"${username}","Secret":"${secret}"}'`;

test('a helper is asked once, by `get` and the server on its input', async (t) => {
  const { folder, env } = await helper(t, `echo "$@" >> $OUT; cat >> $OUT; ${answer('u', 's')}`, {
    credHelpers: { 'reg.com': 'test' },
  });
  const source = createCredentialSource({ env, home: folder });
  t.deepEqual(await Promise.all([source.find(where), source.find({ ...where, repository: 'b' })]), [
    { kind: 'basic', username: 'u', password: 's' },
    { kind: 'basic', username: 'u', password: 's' },
  ]);
  t.is(await source.find({ registry: 'other.com', repository: 'a' }), undefined);
  t.is(await readFile(env['OUT'] ?? '', 'utf8'), 'get\nreg.com\n');
});

test('credsStore is asked for every registry, Docker Hub by its URL', async (t) => {
  const { folder, env } = await helper(t, `cat >> $OUT; ${answer('<token>', 's')}`, {
    credsStore: 'test',
    auths: { 'reg.com': {} },
  });
  const source = createCredentialSource({ env, home: folder });
  t.deepEqual(await source.find({ registry: 'docker.io', repository: 'library/a' }), {
    kind: 'identity',
    token: 's',
  });
  await source.find(where);
  t.is(await readFile(env['OUT'] ?? '', 'utf8'), 'https://index.docker.io/v1/\nreg.com\n');
});

test('an entry for a path comes before a helper, an entry for the host after it', async (t) => {
  const config = {
    credsStore: 'test',
    auths: {
      'reg.com': { username: 'u', password: 'host' },
      'reg.com/g': { username: 'u', password: 'path' },
    },
  };
  const { folder, env } = await helper(t, 'echo "credentials not found in native keychain"; exit 1', config);
  const source = createCredentialSource({ env, home: folder });
  t.is(await passwordOf(source, { registry: 'reg.com', repository: 'g/a' }), 'path');
  t.is(await passwordOf(source), 'host');
});

for (const [name, script, pattern] of [
  ['fails', 'echo "vault is sealed: Bearer abcdefghijkl"; exit 1', /vault is sealed: Bearer …/],
  ['answers nonsense', 'echo hello', /cannot be read/],
  ['answers without a secret', 'echo {}', /cannot be read/],
  ['writes without end', 'while :; do head -c 100000 /dev/zero; done', /failed|cannot be read/],
] as const) {
  test(`a helper that ${name}`, async (t) => {
    const { folder, env } = await helper(t, script, { credHelpers: { 'reg.com': 'test' } });
    await t.throwsAsync(createCredentialSource({ env, home: folder }).find(where), {
      instanceOf: TsbuildError,
      code: 'auth',
      message: pattern,
    });
  });
}

test('a helper that is not installed', async (t) => {
  const folder = await home(t, { '.docker/config.json': { credHelpers: { 'reg.com': 'absent' } } });
  const source = createCredentialSource({ env: { PATH: '/usr/bin' }, home: folder });
  const error = await t.throwsAsync(source.find(where), {
    instanceOf: TsbuildError,
    code: 'auth',
    message: /not in PATH/,
  });
  t.regex(error?.hint ?? '', /credHelpers/);
});

for (const name of ['../../x', '/bin/sh', '-x', 'a b', 'a;b', '', '.x', 'A', 'a\nb']) {
  test(`a helper named ${JSON.stringify(name)} is never run`, async (t) => {
    const folder = await home(t, {
      '.docker/config.json': { credsStore: 'x', credHelpers: { 'reg.com': name } },
    });
    const source = createCredentialSource({ env: { PATH: '/nonexistent' }, home: folder });
    await t.throwsAsync(source.find(where), {
      instanceOf: TsbuildError,
      message: name === '' ? /docker-credential-x is not in PATH/ : /impossible credential helper/,
    });
  });
}
