/** Options of `build` that other tests do not show at work. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { runCli, type CliRun } from '../helpers/cli-run.js';
import { startFaultServer } from '../helpers/fault-server.js';
import { filesBelow } from '../helpers/local-tree.js';
import { scratchOf } from '../helpers/stores.js';
import { stepVerdicts } from '../helpers/tsbuild.js';

interface Setup {
  readonly folder: string;
  readonly build: (
    args: readonly string[],
    input?: string,
    variables?: Readonly<Record<string, string>>,
  ) => Promise<CliRun>;
}

const stages = `FROM scratch AS one
COPY a /one
FROM scratch AS unused
COPY none /
FROM one AS two
COPY a /two
`;

function setup(t: ExecutionContext): Setup {
  const folder = scratchOf(t);
  mkdirSync(join(folder, 'c'));
  writeFileSync(join(folder, 'c/a'), 'A');
  writeFileSync(join(folder, 'c/Dockerfile'), stages);
  const env = { HOME: folder, CONTAINERS_REGISTRIES_CONF: '', TSBUILD_ROOT: join(folder, 'store') };
  const build: Setup['build'] = (args, input = '', variables = {}) =>
    runCli(
      folder,
      ['build', '--progress=plain', ...args, join(folder, 'c')],
      { ...env, ...variables },
      input,
    );
  return { folder, build };
}

const one = 'COPY a /one';
const two = 'COPY a /two';

const again: readonly (readonly [args: readonly string[], ran: readonly string[]])[] = [
  [[], []],
  [['--no-cache'], [one, two]],
  [['--no-cache-filter=two'], [two]],
  [['--no-cache-filter=one'], [one]],
  [
    ['--no-cache-filter', 'one,two'],
    [one, two],
  ],
  [['--refresh=two:6'], [two]],
  [['--skip-unused-stages'], []],
  [['--skip-unused-stages=true', '--layers', '--rm', '--builder=x'], []],
];
for (const [args, ran] of again) {
  test(`built again with ${args.join(' ') || 'nothing'}: ${ran.length} steps run`, async (t) => {
    const { build } = setup(t);
    await build([]);
    const { stderr } = await build(args);
    t.deepEqual(stepVerdicts(stderr).ran, ran);
    const ignored = args.filter((arg) => /skip-unused|layers|rm|builder/.test(arg));
    for (const flag of ignored) t.true(stderr.includes(`${flag.replace(/=.*/, '')} is ignored: `));
  });
}

test('-f -: the Dockerfile on standard input; --target by number; -o and --label', async (t) => {
  const { folder, build } = setup(t);
  await build(['-f', '-', '--target=0', '-o', join(folder, 'out')], 'FROM scratch\nCOPY a /x\nFROM none\n');
  t.deepEqual(filesBelow(join(folder, 'out')), { x: 'A' });
});

test('--metadata-file and --iidfile of a push: what the registry has, and the image', async (t) => {
  const { folder, build } = setup(t);
  const server = await startFaultServer();
  t.teardown(() => server.close());
  const files = ['--metadata-file', join(folder, 'meta'), '--iidfile', join(folder, 'id')];
  const { stdout } = await build([
    '-q',
    '-t',
    `${server.host}/app:1`,
    '-t',
    'app',
    '-o',
    'type=image',
    ...files,
  ]);
  t.is(stdout.trim(), readFileSync(join(folder, 'id'), 'utf8'));
  await build(['-t', `${server.host}/app:1`, '--push', '--retry=1', '--retry-delay=1ms', ...files]);
  const meta = JSON.parse(readFileSync(join(folder, 'meta'), 'utf8')) as Record<string, unknown>;
  t.is(meta['containerimage.config.digest'], stdout.trim());
  t.is(meta['image.name'], `${server.host}/app:1`);
  t.true(server.registry.manifests.has(`app@${String(meta['containerimage.digest'])}`));
});

test('--load without a daemon fails before anything is built', async (t) => {
  const { folder, build } = setup(t);
  await t.throwsAsync(build(['--load', '-o', join(folder, 'out')]), {
    message: /--load needs a Docker daemon/,
  });
  t.false(existsSync(join(folder, 'out')));
});

for (const pull of [
  '--pull=never',
  '--pull=missing',
  '--pull=newer',
  '--pull=true',
  '--pull=false',
  '--pull',
]) {
  test(`${pull}: a base of the store`, async (t) => {
    const { build } = setup(t);
    await build(['-t', 'localhost/base:1']);
    const built = build(['-f', '-', '--retry=0', pull], 'FROM localhost/base:1\nLABEL a=b\n');
    await (/=(never|missing|newer|false)/.test(pull) ? t.notThrowsAsync(built) : t.throwsAsync(built));
  });
}

test('--metadata-file: the platform of an image, and findings when they are asked for', async (t) => {
  const { folder, build } = setup(t);
  const text = 'FROM scratch\nMAINTAINER me\nCOPY a /$X\n';
  const metadata = async (env: Record<string, string>): Promise<Record<string, unknown>> => {
    const args = ['-f', '-', '--platform=linux/arm/v7', '--metadata-file', join(folder, 'meta')];
    await build(args, text, env);
    return JSON.parse(readFileSync(join(folder, 'meta'), 'utf8')) as Record<string, unknown>;
  };
  const plain = await metadata({});
  t.like(plain['containerimage.descriptor'], {
    digest: plain['containerimage.digest'],
    platform: { architecture: 'arm', os: 'linux', variant: 'v7' },
  });
  t.false('buildx.build.warnings' in plain);
  const warnings = (await metadata({ BUILDX_METADATA_WARNINGS: 'true' }))[
    'buildx.build.warnings'
  ] as readonly { short: string; range: unknown }[];
  const shorts = warnings.map(({ short }) => Buffer.from(short, 'base64').toString());
  t.deepEqual(shorts, [
    'MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label (line 2)',
    "UndefinedVar: Usage of undefined variable '$X' (line 3)",
  ]);
  t.deepEqual(warnings[0]?.range, [{ start: { line: 2 }, end: { line: 2 } }]);
});

test('variables that ask for something else than a build by tsbuild are told of', async (t) => {
  const { build } = setup(t);
  const env = { DOCKER_BUILDKIT: '0', DOCKER_CONTENT_TRUST: '1' };
  const { stderr } = await build(['-f', '-'], 'FROM scratch\n', env);
  t.regex(stderr, /DOCKER_BUILDKIT=0 is ignored/);
  t.regex(stderr, /DOCKER_CONTENT_TRUST is ignored/);
  t.notRegex((await build(['-f', '-'], 'FROM scratch\n')).stderr, /ignored/);
});

test('--logfile: everything that is printed, in a new file, but for an error', async (t) => {
  const { folder, build } = setup(t);
  const log = join(folder, 'log');
  writeFileSync(log, 'old '.repeat(1000));
  const text = 'FROM scratch\nCOPY a /x\n';
  const { code, stdout, stderr } = await build(['-f', '-', '--logfile', log], text);
  t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
  t.regex(readFileSync(log, 'utf8'), /COPY a \/x[^]*\nsha256:[0-9a-f]{64}\n$/);
  t.notRegex(readFileSync(log, 'utf8'), /old/);
  const planned = await runCli(folder, ['plan', '--logfile', log, join(folder, 'c')], {
    TSBUILD_ROOT: join(folder, 'store'),
  });
  t.is(planned.stdout + planned.stderr, '');
  t.regex(readFileSync(log, 'utf8'), /COPY a \/one/);
  const wrong = 'FROM scratch\nCOPY none /x\n';
  await t.throwsAsync(build(['-f', '-', '--logfile', log], wrong), { message: /"none" does not exist/ });
  await t.throwsAsync(build(['--logfile', join(folder, 'no/log')]), { message: /cannot write/ });
  await t.throwsAsync(build(['--logfile', log, '-o', 'type=oci,dest=-']), {
    message: /takes standard output/,
  });
});
