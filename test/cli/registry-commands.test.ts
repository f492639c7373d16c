/** Commands about registries against Debian's docker-registry, cross-checked with skopeo where it is. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import anyTest, { type ExecutionContext } from 'ava';
import { digestOf } from '../../src/oci/digest.js';
import { TsbuildError } from '../../src/util/errors.js';
import { runCli, type CliRun } from '../helpers/cli-run.js';
import { findProgram } from '../helpers/programs.js';
import {
  createCertificate,
  registryAvailable,
  startRegistry,
  type RegistryServerOptions,
} from '../helpers/registry-server.js';
import { scratchOf } from '../helpers/stores.js';

const test = registryAvailable ? anyTest : anyTest.skip;
const skopeoTest = registryAvailable && findProgram('skopeo') !== undefined ? anyTest : anyTest.skip;

interface Setup {
  readonly host: string;
  readonly folder: string;
  readonly run: (
    args: readonly string[],
    more?: { env?: Record<string, string>; input?: string },
  ) => Promise<CliRun>;
}

async function setup(t: ExecutionContext, options?: RegistryServerOptions): Promise<Setup> {
  const folder = scratchOf(t);
  const server = await startRegistry(options);
  t.teardown(() => server.close());
  writeFileSync(join(folder, 'data'), 'some content\n'.repeat(1000));
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY data /data\nCMD ["/x"]\n');
  const run: Setup['run'] = (args, { env = {}, input = '' } = {}) =>
    runCli(join(folder, 'store'), args, { HOME: folder, ...env }, input);
  return { host: server.host, folder, run };
}

async function pushed(t: ExecutionContext, more: readonly string[] = []): Promise<Setup> {
  const made = await setup(t);
  await made.run(['build', '-q', '-t', `${made.host}/app:1`, '--push', ...more, made.folder]);
  return made;
}

const raw = async ({ run, host }: Setup, name: string) =>
  (await run(['inspect', '--raw', `${host}/${name}`])).stdout;

test('login keeps a password that the registry takes, and logout forgets it', async (t) => {
  const { host, folder, run } = await setup(t, { htpasswd: { username: 'me', password: 'pass:word' } });
  mkdirSync(join(folder, '.docker'));
  const file = join(folder, '.docker/config.json');
  writeFileSync(file, '{"auths": {"other.io": {"auth": "YTpi"}}, "psFormat": "x"}');
  const denied = await t.throwsAsync(run(['login', '-u', 'me', '-p', 'wrong', host]), {
    instanceOf: TsbuildError,
  });
  t.is(denied?.code, 'auth');
  t.false(readFileSync(file, 'utf8').includes(host), 'a refused password is not kept');
  await run(['login', '-u', 'me', '--password-stdin', host], { input: 'pass:word\n' });
  const config = JSON.parse(readFileSync(file, 'utf8')) as { auths: Record<string, { auth: string }> };
  t.deepEqual(Object.keys(config), ['auths', 'psFormat']);
  t.is(Buffer.from(config.auths[host]?.auth ?? '', 'base64').toString(), 'me:pass:word');
  t.is(config.auths['other.io']?.auth, 'YTpi');
  t.is(statSync(file).mode & 0o777, 0o600);
  t.is((await run(['build', '-q', '-t', `${host}/app:1`, '--push', folder])).code, 0);
  await run(['logout', host]);
  t.false(readFileSync(file, 'utf8').includes(host));
  await t.throwsAsync(run(['tags', `${host}/app`]), { message: /wants a user name/ });
  t.is((await run(['tags', '--creds', 'me:pass:word', `${host}/app`])).stdout, '1\n');
});

test('a push that is refused ends the build: nothing is kept under its name', async (t) => {
  const { host, folder, run } = await setup(t, { htpasswd: { username: 'me', password: 'secret' } });
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY data /data\nRUN ["/data"]\n');
  const refused = await t.throwsAsync(run(['build', '-q', '-t', `${host}/app:1`, '--push', folder]), {
    instanceOf: TsbuildError,
  });
  t.is(refused?.code, 'auth', 'and not the failure of a step');
  t.false((await run(['images'])).stdout.includes('app'));
});

test('login gives the password to the helper that config.json names', async (t) => {
  const { host, folder, run } = await setup(t, { htpasswd: { username: 'me', password: 'secret' } });
  const helper = join(folder, 'docker-credential-testing');
  writeFileSync(helper, `#!/bin/sh\necho "$1 $(cat)" >> ${folder}/calls\n`, { mode: 0o755 });
  mkdirSync(join(folder, '.docker'));
  writeFileSync(join(folder, '.docker/config.json'), '{"credsStore": "testing"}');
  const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}` };
  await run(['login', '-u', 'me', '--password-stdin', host], { env, input: 'secret' });
  t.false(readFileSync(join(folder, '.docker/config.json'), 'utf8').includes('"auth"'));
  await run(['logout', host], { env });
  const calls = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
  t.deepEqual(calls, [`store {"ServerURL":"${host}","Username":"me","Secret":"secret"}`, `erase ${host}`]);
});

test('login: what is missing is said', async (t) => {
  const folder = scratchOf(t);
  const run = (...args: string[]) => runCli(join(folder, 'store'), args, { HOME: folder });
  await t.throwsAsync(run('login', 'x.io'), { message: 'there is no user name' });
  await t.throwsAsync(run('login', '-u', 'a', 'x.io'), { message: 'there is no password' });
  await t.throwsAsync(run('login', '-u', 'a', '--password-stdin', 'x.io'), {
    message: /no password on standard/,
  });
  await t.throwsAsync(run('login', '-u', 'a', '-p', 'b', 'word'), { message: /"word" is no registry/ });
});

test('a private authority is trusted when it is named, for its host or in a folder', async (t) => {
  const certificate = await createCertificate(scratchOf(t));
  const { host, folder, run } = await setup(t, { tls: certificate });
  const build = (...args: string[]) =>
    run(['build', '-q', '-t', `${host}/app:1`, '--push', '--retry=0', ...args, folder]);
  await t.throwsAsync(build(), { message: /certificate/ });
  await t.throwsAsync(build('--registry-ca', `elsewhere.io=${certificate.authority}`), {
    message: /certificate/,
  });
  t.is((await build('--registry-ca', certificate.authority)).code, 0);
  t.is((await build('--registry-ca', `${host}=${certificate.authority}`)).code, 0);
  mkdirSync(join(folder, 'certs'));
  writeFileSync(join(folder, 'certs/ca.crt'), readFileSync(certificate.authority));
  t.is((await build('--cert-dir', join(folder, 'certs'))).code, 0);
  t.is((await run(['tags', `${host}/app`], { env: { SSL_CERT_FILE: certificate.authority } })).stdout, '1\n');
  t.is((await run(['tags', '--insecure-registry', host, `${host}/app`])).stdout, '1\n');
  t.is((await run(['tags', '--tls-verify=false', `${host}/app`])).stdout, '1\n');
});

test('a mirror serves what a registry that is not there has', async (t) => {
  const { host, folder, run } = await pushed(t);
  writeFileSync(join(folder, 'Dockerfile'), 'FROM gone.example/x/app:1\nENV A=b\n');
  const build = ['build', '-q', '--retry=0', folder];
  const { code } = await run([...build, '--registry-mirror', `gone.example/x=${host}`]);
  t.is(code, 0);
  writeFileSync(
    join(folder, 'registries.conf'),
    `[[registry]]\nprefix = "conf.example"\nlocation = "${host}"\n[[registry]]\nprefix = "blocked.example"\nblocked = true\n`,
  );
  const env = { CONTAINERS_REGISTRIES_CONF: join(folder, 'registries.conf') };
  writeFileSync(join(folder, 'Dockerfile'), 'FROM conf.example/app:1\nENV A=b\n');
  t.is((await run(build, { env })).code, 0);
  writeFileSync(join(folder, 'Dockerfile'), 'FROM blocked.example/app:1\n');
  await t.throwsAsync(run(build, { env }), { message: /blocked\.example\/app is blocked/ });
});

const forms = anyTest.macro({
  async exec(t, output: string, config: string, layer: string) {
    const made = await setup(t);
    const { host, folder, run } = made;
    await run(['build', '-q', '-t', `${host}/app:1`, '-o', output, folder]);
    const manifest = JSON.parse(await raw(made, 'app:1')) as Record<
      string,
      { mediaType: string }[] & { mediaType: string }
    >;
    t.deepEqual([manifest['config']?.mediaType, manifest['layers']?.[0]?.mediaType], [config, layer]);
    if (findProgram('skopeo') !== undefined) {
      execFileSync('skopeo', [
        'copy',
        '-q',
        '--src-tls-verify=false',
        `docker://${host}/app:1`,
        `dir:${folder}/copied`,
      ]);
    }
    await run(['rmi', `${host}/app:1`]);
    t.is((await run(['pull', '-q', `${host}/app:1`])).code, 0);
  },
  title: (_, output) => `pushed with ${output}`,
});
const oci = 'application/vnd.oci.image';
const docker = 'application/vnd.docker';
test(forms, 'type=image,push=true', `${oci}.config.v1+json`, `${oci}.layer.v1.tar+gzip`);
test(forms, 'type=registry,compression=zstd', `${oci}.config.v1+json`, `${oci}.layer.v1.tar+zstd`);
test(
  forms,
  'type=registry,compression=zstd,compression-level=19',
  `${oci}.config.v1+json`,
  `${oci}.layer.v1.tar+zstd`,
);
test(forms, 'type=registry,compression=uncompressed', `${oci}.config.v1+json`, `${oci}.layer.v1.tar`);
test(forms, 'type=registry,compression-level=9', `${oci}.config.v1+json`, `${oci}.layer.v1.tar+gzip`);
test(
  forms,
  'type=registry,oci-mediatypes=false',
  `${docker}.container.image.v1+json`,
  `${docker}.image.rootfs.diff.tar.gzip`,
);

test('force-compression compresses pulled layers anew; without it they stay', async (t) => {
  const made = await pushed(t);
  const { host, folder, run } = made;
  writeFileSync(join(folder, 'Dockerfile'), `FROM ${host}/app:1\nENV A=b\n`);
  const env = { TSBUILD_ROOT: join(folder, 'other-store') };
  const types = async (output: string, name: string) => {
    const form = `type=registry,compression=zstd${output}`;
    await run(['build', '-q', '-t', `${host}/${name}`, '-o', form, folder], { env });
    return (JSON.parse(await raw(made, name)) as { layers: { mediaType: string }[] }).layers[0]?.mediaType;
  };
  t.is(await types('', 'kept:1'), `${oci}.layer.v1.tar+gzip`);
  t.is(await types(',force-compression=true', 'forced:1'), `${oci}.layer.v1.tar+zstd`);
});

test('a push by digest moves no tag', async (t) => {
  const { host, folder, run } = await setup(t);
  const metadata = join(folder, 'm.json');
  await run([
    'build',
    '-q',
    '-o',
    `type=image,name=${host}/app,push-by-digest=true,push=true`,
    '--metadata-file',
    metadata,
    folder,
  ]);
  const digest =
    (JSON.parse(readFileSync(metadata, 'utf8')) as Record<string, string>)['containerimage.digest'] ?? '';
  await t.throwsAsync(run(['tags', `${host}/app`]), { message: /has no tags/ });
  t.is(digestOf((await run(['inspect', '--raw', `${host}/app@${digest}`])).stdout), digest as never);
});

test('wrong forms are refused before anything is built', async (t) => {
  const folder = scratchOf(t);
  const run = (output: string) =>
    runCli(join(folder, 's'), ['build', '-t', 'a', '-o', output, folder], { HOME: folder });
  await t.throwsAsync(run('type=image,compression-level=10'), {
    message: 'gzip has levels from 0 to 9, not 10',
  });
  await t.throwsAsync(run('type=image,compression=zstd,compression-level=0'), {
    message: /zstd has levels from 1/,
  });
});

test('copy keeps every byte on the way through registries, layouts and archives', async (t) => {
  const made = await pushed(t);
  const { host, folder, run } = made;
  const expected = await raw(made, 'app:1');
  await run(['copy', '-q', `${host}/app:1`, `oci:${folder}/layout:v1`]);
  await run(['copy', '-q', `oci:${folder}/layout:v1`, `oci-archive:${folder}/app.tar:v1`]);
  await run(['copy', '-q', `oci-archive:${folder}/app.tar`, `${host}/second:1`]);
  await run(['copy', '-q', `${host}/second:1`, `docker://${host}/third:1`]);
  t.is(await raw(made, 'third:1'), expected);
  await run(['copy', '-q', `${host}/third:1`, 'store:here']);
  t.regex((await run(['images'])).stdout, /^here:latest /m);
  await run(['copy', '-q', 'store:here', `${host}/fourth:1`]);
  t.is(await raw(made, 'fourth:1'), expected, 'what was pulled is pushed as it was');
});

test('copy of an archive for Docker, and into one', async (t) => {
  const made = await pushed(t);
  const { host, folder, run } = made;
  await run(['copy', '-q', `${host}/app:1`, `docker-archive:${folder}/d.tar:some/name:2`]);
  await run(['copy', '-q', `docker-archive:${folder}/d.tar:some/name:2`, `${host}/again:1`]);
  const layers = async (name: string) => (JSON.parse(await raw(made, name)) as { config: unknown }).config;
  t.deepEqual(await layers('again:1'), await layers('app:1'));
  await t.throwsAsync(run(['copy', `docker-archive:${folder}/d.tar:other`, `${host}/x`]), {
    message: /does not name one image/,
  });
});

test('a list of images is made, annotated, pushed, copied whole or for one platform, and deleted', async (t) => {
  const made = await pushed(t);
  const { host, folder, run } = made;
  await run(['build', '-q', '-t', `${host}/other/app:2`, '--push', '--label', 'a=b', folder]);
  const list = `${host}/list:1`;
  await run(['manifest', 'create', list, `${host}/app:1`, `${host}/other/app:2`]);
  await t.throwsAsync(run(['manifest', 'create', list]), { message: /already/ });
  await run([
    'manifest',
    'annotate',
    list,
    `${host}/other/app:2`,
    '--arch',
    'arm',
    '--variant',
    'v7',
    '--annotation',
    'k=v',
  ]);
  await run(['cache', 'prune', '--all', '--force']);
  const shown = JSON.parse((await run(['manifest', 'inspect', list])).stdout) as unknown;
  const printed = (await run(['manifest', 'push', '-q', list])).stdout.trim();
  const bytes = await raw(made, 'list:1');
  t.deepEqual(JSON.parse(bytes), shown);
  t.is(printed, `${list}@${digestOf(bytes)}`);
  await run(['copy', '-q', list, `oci:${folder}/all`]);
  await run(['copy', '-q', `oci:${folder}/all`, `${host}/all:1`]);
  t.is(await raw(made, 'all:1'), bytes);
  await run(['copy', '-q', '--platform', 'linux/arm/v7', list, `${host}/one:1`]);
  t.is(await raw(made, 'one:1'), await raw(made, 'other/app:2'));
  await t.throwsAsync(run(['copy', '-q', '--platform', 'linux/s390x', list, `${host}/no:1`]), {
    message: /no image for linux\/s390x/,
  });
  if (findProgram('docker') !== undefined) {
    const seen = execFileSync('docker', ['manifest', 'inspect', '--insecure', list], {
      env: { ...process.env, HOME: folder },
    });
    t.is((JSON.parse(seen.toString()) as { manifests: unknown[] }).manifests.length, 2);
  }
  await run(['manifest', 'rm', list]);
  await t.throwsAsync(run(['manifest', 'inspect', list]), { message: /no manifest list/ });
});

skopeoTest('skopeo reads what was copied, and copies what tsbuild reads', async (t) => {
  const made = await pushed(t, ['-o', 'type=registry,compression=zstd']);
  const { host, folder, run } = made;
  await run(['copy', '-q', `${host}/app:1`, `oci:${folder}/ours:v1`]);
  execFileSync('skopeo', [
    'copy',
    '-q',
    '--dest-tls-verify=false',
    `oci:${folder}/ours:v1`,
    `docker://${host}/theirs:1`,
  ]);
  t.is(await raw(made, 'theirs:1'), await raw(made, 'app:1'));
  execFileSync('skopeo', [
    'copy',
    '-q',
    '--src-tls-verify=false',
    `docker://${host}/app:1`,
    `oci-archive:${folder}/t.tar:x`,
  ]);
  await run(['copy', '-q', `oci-archive:${folder}/t.tar:x`, `${host}/back:1`]);
  t.is(await raw(made, 'back:1'), await raw(made, 'app:1'));
});

test('tags and referrers of what does not exist', async (t) => {
  const { host, run } = await pushed(t);
  await t.throwsAsync(run(['tags', `${host}/nothing`]), {
    code: 'registry',
    message: /does not exist, or has no tags/,
  });
  t.is((await run(['referrers', '--format=json', `${host}/app:1`])).stdout, '');
  await t.throwsAsync(run(['tags', `${host}/app:1`]), { message: /names an image, not a repository/ });
  await t.throwsAsync(run(['referrers', `${host}/app:2`]), { message: /does not exist/ });
});
