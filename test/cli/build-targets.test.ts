/** Several targets, files of build arguments, and build arguments that steer the builder. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { buildOptions } from '../../src/cli/build-options.js';
import type { BuildRequest } from '../../src/cli/build-request.js';
import { buildRequests } from '../../src/cli/build-targets.js';
import { parseArgs } from '../../src/cli/parse-args.js';
import { buildPeerFlags } from '../../src/cli/peer-flags.js';
import { TsbuildError } from '../../src/util/errors.js';
import { makeScratch, removeScratch } from '../helpers/scratch.js';

const spec = {
  name: 'build',
  summary: '',
  positionals: 'CONTEXT',
  arity: [1, 1],
  options: buildOptions,
  peerFlags: buildPeerFlags,
  run: () => Promise.resolve(0),
} as const;

function requests(args: readonly string[], cwd = '/', env = {}): readonly BuildRequest[] {
  const parsed = parseArgs(spec, [...args, '.']);
  if (parsed === 'help') throw new Error('help');
  return buildRequests('.', parsed.options, { env, cwd });
}

test('each target is a request, and {target} its name', (t) => {
  const args = ['--target=Build', '--target=1', '-t', 'x/{target}:a-{target}', '-o', 'out/{target}'];
  const files = ['--iidfile={target}.id', '--metadata-file={target}.json'];
  t.deepEqual(
    requests([...args, ...files]).map(({ target, tags, outputs, iidFile, metadataFile }) => [
      target,
      ...tags,
      ...outputs,
      iidFile,
      metadataFile,
    ]),
    [
      ['Build', 'docker.io/x/build:a-build', 'out/build', 'build.id', 'build.json'],
      ['1', 'docker.io/x/1:a-1', 'out/1', '1.id', '1.json'],
    ],
  );
});

test('one target has a placeholder too, and a target that is given twice is one', (t) => {
  t.deepEqual(
    requests(['--target=a', '--target=a', '-t', 'x:{target}']).map(({ tags }) => tags),
    [['docker.io/library/x:a']],
  );
});

for (const [option, args] of [
  ['--tag', ['-t', 'x']],
  ['--tag', ['-t', 'x:{target}', '-t', 'x:latest']],
  ['--output', ['-o', 'out']],
  ['--output', ['-o', '-']],
  ['--iidfile', ['--iidfile', 'id']],
  ['--metadata-file', ['--metadata-file', 'm']],
] as const) {
  test(`one name for several targets is refused: ${args.join(' ')}`, (t) => {
    const error = t.throws(() => requests(['--target=a', '--target=b', ...args]), {
      instanceOf: TsbuildError,
    });
    t.is(error?.code, 'usage');
    t.true(error?.message.startsWith(`${option} `));
  });
}

const argFile = test.macro({
  exec(t, text: string, args: readonly string[], expected: readonly (readonly [string, string])[]) {
    const folder = makeScratch('arg-file');
    t.teardown(() => removeScratch(folder));
    writeFileSync(join(folder, 'args'), text);
    const [request] = requests([...args, '--build-arg-file', 'args'], folder, { FROM_ENV: 'e' });
    t.deepEqual([...(request?.buildArgs ?? [])], expected);
  },
  title: (rule) => `--build-arg-file: ${rule}`,
});
test(
  'one a line',
  argFile,
  'A=1\nB=x y\r\n',
  [],
  [
    ['A', '1'],
    ['B', 'x y'],
  ],
);
test('comments and empty lines do not count', argFile, '# A=1\n\n  # x\nB=#1\n', [], [['B', '#1']]);
test('quotes are part of the value', argFile, 'A="1"\n', [], [['A', '"1"']]);
test('a name alone is taken from the environment', argFile, 'FROM_ENV\nNONE\n', [], [['FROM_ENV', 'e']]);
test('--build-arg wins', argFile, 'A=1\n', ['--build-arg', 'A=2'], [['A', '2']]);
test('the epoch', argFile, 'SOURCE_DATE_EPOCH=5\n', [], [['SOURCE_DATE_EPOCH', '5']]);

test('--build-arg-file: a file that is not there', (t) => {
  t.throws(() => requests(['--build-arg-file', 'none']), { message: /"none" cannot be read: ENOENT/ });
});

const accepted: readonly (readonly [args: string, cacheTo: readonly string[]])[] = [
  ['BUILDKIT_INLINE_CACHE=1', ['type=inline']],
  ['BUILDKIT_INLINE_CACHE=true', ['type=inline']],
  ['BUILDKIT_INLINE_CACHE=0', []],
  ['BUILDKIT_MULTI_PLATFORM=0', []],
  ['BUILDKIT_SYNTAX=docker/dockerfile:1', []],
];
for (const [arg, cacheTo] of accepted) {
  test(`steering: ${arg}`, (t) => t.deepEqual(requests(['--build-arg', arg])[0]?.cacheTo, cacheTo));
}

const refused: readonly (readonly [args: string, message: RegExp])[] = [
  ['--build-arg=BUILDKIT_INLINE_CACHE=perhaps', /neither true nor false/],
  ['--build-arg=BUILDKIT_MULTI_PLATFORM=perhaps', /neither true nor false/],
  ['--build-arg=BUILDKIT_SYNTAX=example.com/other', /is not run/],
  ['--layers=false', /--layers=false is not supported/],
  ['--layers=x', /true or false/],
  ['--allow=devices', /--allow does not know "devices"/],
  ['--allow=alias=gpu', /--allow does not know "alias=gpu"/],
  ['--allow=everything', /--allow does not know "everything"/],
];
for (const [arg, message] of refused) {
  test(`refused: ${arg}`, (t) => void t.throws(() => requests([arg]), { instanceOf: TsbuildError, message }));
}

const indexed: readonly (readonly [args: readonly string[], index: boolean])[] = [
  [[], false],
  [['--platform=linux/arm64'], false],
  [['--platform=local,linux/s390x'], true],
  [['--platform=local', '--platform=linux'], false],
  [['--platform=linux/amd64,linux/arm64'], true],
  [['--platform=linux/amd64', '--platform=linux/arm64'], true],
  [['--platform=linux/amd64,amd64,x86_64'], false],
  [['--build-arg=BUILDKIT_MULTI_PLATFORM=1'], true],
  [['--build-arg=BUILDKIT_MULTI_PLATFORM=', '--platform=amd64,arm64'], true],
];
for (const [args, index] of indexed) {
  test(`an index is made: ${args.join(' ') || 'no platform'}: ${index}`, (t) => {
    t.is(requests(args)[0]?.index, index);
  });
}

test('several platforms are no single image', (t) => {
  const args = ['--build-arg=BUILDKIT_MULTI_PLATFORM=0', '--platform=linux/amd64,linux/arm64'];
  t.throws(() => requests(args), { message: /several platforms need an index/ });
});

const lifetimes: readonly (readonly [args: readonly string[], milliseconds: number | undefined])[] = [
  [[], undefined],
  [['--cache-ttl=24h'], 86_400_000],
  [['--cache-ttl', '90s'], 90_000],
  [['--cache-ttl=0s'], 0],
];
for (const [args, milliseconds] of lifetimes) {
  test(`results count ${milliseconds ?? 'for ever'} with ${args.join(' ') || 'no --cache-ttl'}`, (t) => {
    t.is(requests(args)[0]?.cacheTtl, milliseconds);
  });
}
