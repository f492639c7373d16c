/** `--check` and `--call`: answers and exit codes. Each runs without a store: none may be made. */
import test from 'ava';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCall } from '../../src/cli/call-method.js';
import { TsbuildError } from '../../src/util/errors.js';
import { runCli, type CliRun } from '../helpers/cli-run.js';
import { scratchOf } from '../helpers/stores.js';
import type { ExecutionContext } from 'ava';

async function ask(t: ExecutionContext, dockerfile: string, args: readonly string[]): Promise<CliRun> {
  const root = scratchOf(t, 'call');
  const context = join(root, 'context');
  mkdirSync(context);
  writeFileSync(join(context, 'Dockerfile'), dockerfile);
  try {
    return await runCli(join(root, 'context'), ['build', ...args, '.'], {
      TSBUILD_ROOT: join(root, 'store'),
    });
  } finally {
    t.false(existsSync(join(root, 'store')));
  }
}

const clean = 'FROM scratch\nENV A=1\n';
const warned = 'FROM scratch\nMAINTAINER x\n';
const sample = `ARG V=1
# base is the ground
FROM scratch AS base
# A about a
ARG A
ARG V
RUN x
FROM base AS other
ARG UNRELATED=1
RUN x
FROM scratch AS Last
ARG C=3 D TARGETARCH
COPY --from=base / /
RUN x
`;

test('--check of a clean file', async (t) => {
  t.deepEqual(await ask(t, clean, ['--check']), {
    code: 0,
    stdout: 'Check complete, no warnings found.\n',
    stderr: '',
  });
});

test('--check names rule, page, file and line, and ends with 7', async (t) => {
  const { code, stdout } = await ask(t, warned, ['--check']);
  t.is(code, 7);
  t.regex(
    stdout,
    /^Check complete, 1 warning has been found!\n\nWARNING: MaintainerDeprecated - docs\/rules\/MaintainerDeprecated\.md\n/,
  );
  t.regex(stdout, /\nDockerfile:2\n/);
  t.regex(stdout, /2 \| >>> MAINTAINER x/);
});

test('--check looks at stages that the target does not need', async (t) => {
  const { code, stdout } = await ask(t, 'FROM scratch AS a\nCOPY $x /\nFROM scratch\n', ['--check']);
  t.is(code, 7);
  t.regex(stdout, /UndefinedVar/);
});

test('--check knows nothing of base images', async (t) => {
  const file = 'FROM base\nENV A=$FROM_BASE\nEXPOSE $PORT\nSTOPSIGNAL $SIGNAL\nUSER ${USER_OF_BASE:?}\n';
  t.is((await ask(t, file, ['--check'])).stdout, 'Check complete, no warnings found.\n');
});

test('--check,format=json has the shape of BuildKit', async (t) => {
  const { code, stdout } = await ask(t, warned, ['--call=check,format=json']);
  t.is(code, 7);
  t.deepEqual(JSON.parse(stdout), {
    warnings: [
      {
        ruleName: 'MaintainerDeprecated',
        description:
          'The MAINTAINER instruction is deprecated, use a label instead to define an image author',
        url: 'docs/rules/MaintainerDeprecated.md',
        detail: 'Maintainer instruction is deprecated in favor of using label',
        location: { ranges: [{ start: { line: 2 }, end: { line: 2 } }] },
      },
    ],
    sources: [
      { filename: 'Dockerfile', data: Buffer.from(warned).toString('base64'), language: 'Dockerfile' },
    ],
  });
});

test('a file that cannot be parsed is a buildError with exit code 3', async (t) => {
  const { code, stdout } = await ask(t, 'FROM scratch\nCPY a b\n', ['--call=check,format=json']);
  t.is(code, 3);
  const { buildError } = JSON.parse(stdout) as { buildError: { message: string; location: object } };
  t.regex(buildError.message, /unknown instruction: CPY/);
  t.deepEqual(buildError.location, { ranges: [{ start: { line: 2 }, end: { line: 2 } }] });
});

test('findings are told beside an error of a later stage', async (t) => {
  const file = `${warned}COPY --from=7 / /\n`;
  const { code, stdout } = await ask(t, file, ['--call=check,format=json']);
  t.is(code, 3);
  t.like(JSON.parse(stdout), {
    warnings: [{ ruleName: 'MaintainerDeprecated' }],
    buildError: { message: 'invalid stage index 7' },
  });
  const error = await t.throwsAsync(ask(t, file, ['--check']), { instanceOf: TsbuildError });
  t.is(error?.code, 'dockerfile');
});

test('--check with a target that does not exist', async (t) => {
  const error = await t.throwsAsync(ask(t, clean, ['--check', '--target', 'x']), {
    instanceOf: TsbuildError,
  });
  t.is(error?.code, 'usage');
});

test('check options of the build argument stand in for the directive', async (t) => {
  const skip = ['--check', '--build-arg', 'BUILDKIT_DOCKERFILE_CHECK=skip=all'];
  t.is((await ask(t, warned, skip)).code, 0);
  const wrong = ['--check', '--build-arg', 'BUILDKIT_DOCKERFILE_CHECK=skp=all'];
  const error = await t.throwsAsync(ask(t, warned, wrong), { instanceOf: TsbuildError });
  t.is(error?.message, 'BUILDKIT_DOCKERFILE_CHECK: unknown check option "skp"');
});

test('--call=outline lists the arguments of the stages that the target needs', async (t) => {
  const { code, stdout } = await ask(t, sample, ['--call=outline', '--build-arg', 'A=5']);
  t.is(code, 0);
  t.is(
    stdout,
    `TARGET: last

BUILD ARG  VALUE  DESCRIPTION
V          1
A          5      about a
C          3
D
`,
  );
});

test('--call=outline,format=json', async (t) => {
  const { stdout } = await ask(t, sample, ['--call=outline,format=json', '--target=other']);
  const at = (line: number) => ({ ranges: [{ start: { line }, end: { line } }] });
  t.deepEqual(JSON.parse(stdout), {
    name: 'other',
    args: [
      { name: 'V', value: '1', location: at(1) },
      { name: 'A', description: 'about a', location: at(5) },
      { name: 'UNRELATED', value: '1', location: at(9) },
    ],
    sources: [Buffer.from(sample).toString('base64')],
  });
});

test('--call=targets', async (t) => {
  t.is(
    (await ask(t, sample, ['--call', 'targets'])).stdout,
    'TARGET          DESCRIPTION\nbase            is the ground\nother\nlast (default)\n',
  );
});

test('--call=targets,format=json', async (t) => {
  const { stdout } = await ask(t, sample, ['--call=targets,format=json']);
  const { targets } = JSON.parse(stdout) as { targets: unknown };
  const at = (line: number) => ({ ranges: [{ start: { line }, end: { line } }] });
  t.deepEqual(targets, [
    { name: 'base', description: 'is the ground', base: 'scratch', location: at(3) },
    { name: 'other', base: 'base', location: at(8) },
    { name: 'last', default: true, base: 'scratch', location: at(11) },
  ]);
});

const reads = test.macro({
  exec: (t, call: string | undefined, check: boolean, expected: unknown) => {
    t.deepEqual(parseCall(call, check) as unknown, expected);
  },
  title: (_, call, check) => `--call=${call} --check=${check}`,
});
test(reads, undefined, false, undefined);
test(reads, 'build', false, undefined);
test(reads, undefined, true, { method: 'check', json: false });
test(reads, 'lint', false, { method: 'check', json: false });
test(reads, 'check,format=text', true, { method: 'check', json: false });
test(reads, 'outline,format=json', false, { method: 'outline', json: true });

test('unknown and contradicting calls are usage errors', (t) => {
  for (const call of ['', 'chek', 'check,json', 'check,format=yaml']) {
    t.is(t.throws(() => parseCall(call, false), { instanceOf: TsbuildError })?.code, 'usage', call);
  }
  t.is(t.throws(() => parseCall('outline', true), { instanceOf: TsbuildError })?.code, 'usage');
});

test('error=true fails a build before its first step', async (t) => {
  const root = scratchOf(t, 'call');
  mkdirSync(join(root, 'context'));
  writeFileSync(
    join(root, 'context', 'Dockerfile'),
    '# check=error=true\nFROM scratch\nMAINTAINER x\nRUN never\n',
  );
  const args = ['build', '--progress=plain', join(root, 'context')];
  const env = { TSBUILD_ROOT: join(root, 'store') };
  const error = await t.throwsAsync(runCli(root, args, env), { instanceOf: TsbuildError });
  t.is(error?.code, 'lint');
  t.is(error?.message, 'lint violation found for rules: MaintainerDeprecated');
  t.is(error?.range?.startLine, 3);
});

const perPlatform = `ARG TARGETARCH
FROM scratch AS base-amd64
ENV ONLYAMD=1
FROM scratch AS base-arm64
ENV ONLYARM=1
FROM base-$TARGETARCH
ENV A=$ONLYA B=$ONLYARM
`;

test('a check is of every platform, and says what is wrong at one place once', async (t) => {
  const findings = async (platform: string): Promise<readonly string[]> => {
    const { stdout } = await ask(t, perPlatform, ['--call=check,format=json', '--platform', platform]);
    const { warnings } = JSON.parse(stdout) as { warnings: readonly { detail: string }[] };
    return warnings.map(({ detail }) => detail.replace(/ \(did.*/, '')).toSorted();
  };
  const [known, missing] = ['$ONLYA', '$ONLYARM'].map((name) => `Usage of undefined variable '${name}'`);
  t.deepEqual(await findings('linux/arm64'), [known]);
  t.deepEqual(await findings('linux/amd64,linux/arm64'), [known, missing]);
});

test('an outline is of the first platform', async (t) => {
  const outline = async (platform: string): Promise<string> =>
    (await ask(t, perPlatform, ['--call=outline', '--platform', platform])).stdout;
  t.regex(await outline('linux/arm64,linux/amd64'), /TARGETARCH +arm64/);
});

test('a check takes several targets, an outline one', async (t) => {
  const file = 'FROM scratch AS a\nFROM scratch AS b\n';
  const targets = ['--target=a', '--target=b'];
  t.is((await ask(t, file, ['--check', ...targets])).code, 0);
  await t.throwsAsync(ask(t, file, ['--check', ...targets, '--target=c']), {
    message: /"c" could not be found/,
  });
  await t.throwsAsync(ask(t, file, ['--call=outline', ...targets]), { message: /several targets/ });
});

test('an outline has what triggers of a stage take, where FROM stands', async (t) => {
  const file =
    'FROM scratch AS a\nONBUILD ARG X=1\nONBUILD RUN --mount=type=secret,id=s x\nFROM a\nARG Y=$X\n';
  const { stdout } = await ask(t, file, ['--call=outline,format=json']);
  const { args, secrets } = JSON.parse(stdout) as { args: object; secrets: object };
  const line = (number: number) => ({ ranges: [{ start: { line: number }, end: { line: number } }] });
  t.deepEqual(args, [
    { name: 'X', value: '1', location: line(4) },
    { name: 'Y', value: '1', location: line(5) },
  ]);
  t.deepEqual(secrets, [{ name: 's', location: line(4) }]);
});
