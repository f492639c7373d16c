import test from 'ava';
import { buildOptions } from '../../src/cli/build-options.js';
import { buildRequest, type BuildRequest } from '../../src/cli/build-request.js';
import { parseArgs } from '../../src/cli/parse-args.js';
import { TsbuildError } from '../../src/util/errors.js';

function request(args: readonly string[], env: Record<string, string> = {}): BuildRequest {
  const parsed = parseArgs(
    {
      name: 'build',
      summary: '',
      positionals: 'CONTEXT',
      arity: [1, 1],
      options: buildOptions,
      run: () => Promise.resolve(0),
    },
    args,
  );
  if (parsed === 'help') throw new Error('help');
  return buildRequest(parsed.positionals[0] ?? '', parsed.options, { env, cwd: '/' });
}

test('without options everything has its default', (t) => {
  t.deepEqual(request(['.']), {
    context: '.',
    file: undefined,
    ignoreFile: undefined,
    tags: [],
    target: undefined,
    platforms: [],
    index: false,
    annotations: [],
    image: {
      edits: {
        unsetEnv: [],
        unsetLabels: [],
        omitHistory: false,
        squash: 'none',
        timestamp: undefined,
      },
      createdAnnotation: false,
      env: new Map(),
      inheritLabels: true,
      from: undefined,
    },
    buildArgs: new Map(),
    buildContexts: new Map(),
    debugShell: false,
    call: undefined,
    labels: new Map(),
    noCache: false,
    cacheTo: [],
    cacheFrom: [],
    cacheTtl: undefined,
    refresh: [],
    pull: undefined,
    outputs: [],
    rewriteTimestamps: undefined,
    form: undefined,
    push: false,
    load: false,
    checkPush: true,
    secrets: [],
    network: 'default',
    addHosts: [],
    allow: { entitlements: new Set(), devices: { all: false, names: new Map() } },
    isolation: 'auto',
    jobs: undefined,
    iidFile: undefined,
    metadataFile: undefined,
    quiet: false,
    progress: 'auto',
    registry: {
      authfile: undefined,
      credentials: undefined,
      insecureRegistries: [],
      authorities: [],
      clients: [],
      certificateFolder: undefined,
      mirrors: [],
      mirrorsOnly: false,
      retries: undefined,
      retryDelay: undefined,
    },
    steps: { ssh: [], resolver: undefined, limits: {}, hostPorts: [], deviceFolders: [] },
  });
});

const means = test.macro({
  exec(t, args: readonly string[], wanted: Partial<BuildRequest>, env: Record<string, string> = {}) {
    const whole = request([...args, '.'], env);
    const keys = Object.keys(wanted);
    t.true(keys.length > 0);
    t.deepEqual(Object.fromEntries(Object.entries(whole).filter(([key]) => keys.includes(key))), wanted);
  },
  title: (title, args) => title ?? `build ${String(args)}`,
});
test(means, ['-t', 'app', '-t', 'ghcr.io/o/app:1', '-t', 'app:latest'], {
  tags: ['docker.io/library/app:latest', 'ghcr.io/o/app:1'],
});
test(means, ['-f', '-'], { file: '-' });
test(means, ['--platform', 'linux/amd64,arm64', '--platform', 'linux/arm64/v8'], {
  platforms: [
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ],
});
test(
  means,
  ['--build-arg', 'A=1', '--build-arg', 'B', '--build-arg', 'C', '--build-arg', 'D=', '--build-arg', 'A=x=y'],
  {
    buildArgs: new Map([
      ['A', 'x=y'],
      ['B', 'env'],
      ['D', ''],
    ]),
  },
  { B: 'env' },
);
test(means, ['--build-arg', '"quoted"="kept"'], { buildArgs: new Map([['"quoted"', '"kept"']]) });
test('a value in quotes keeps them', means, ['--build-arg=A="x y"'], {
  buildArgs: new Map([['A', '"x y"']]),
});
test('a number stays text', means, ['--build-arg', 'A=010', '--target', '01'], {
  buildArgs: new Map([['A', '010']]),
  target: '01',
});
test(means, ['--label', 'a=1', '--label', 'b', '--label', 'a.b.c=x,y'], {
  labels: new Map([
    ['a', '1'],
    ['b', ''],
    ['a.b.c', 'x,y'],
  ]),
});
test(means, ['--pull'], { pull: 'always' });
test(means, ['--pull=newer'], { pull: 'newer' });
test(means, ['--pull=true'], { pull: 'always' });
test(means, ['--pull=false'], { pull: undefined });
test(means, ['--no-cache', '--push', '-q', '-t', 'a'], {
  noCache: true,
  push: true,
  quiet: true,
  progress: 'quiet',
});
test(means, ['-o', 'type=oci,dest=x.tar', '-o', '-'], { outputs: ['type=oci,dest=x.tar', '-'] });
test(means, ['--network=none', '--isolation', 'chroot', '--jobs', '4'], {
  network: 'none',
  isolation: 'chroot',
  jobs: 4,
});
test(means, ['--isolation=oci', '--jobs=0'], { isolation: 'auto', jobs: undefined });
test(means, ['--allow', 'network.host,security.insecure'], {
  allow: {
    entitlements: new Set(['network.host', 'security.insecure'] as const),
    devices: { all: false, names: new Map() },
  },
});
test(means, ['--add-host', 'db:10.0.0.1', '--add-host', 'v6=[::1]', '--add-host', 'six:fe80::1'], {
  addHosts: [
    ['db', '10.0.0.1'],
    ['v6', '::1'],
    ['six', 'fe80::1'],
  ],
});
test(
  means,
  ['--secret', 'id=a,src=f', '--secret', 'id=b,env=B', '--secret', 'id=c', '--secret', 'type=env,id=D'],
  {
    secrets: [
      { id: 'a', source: { kind: 'file', path: 'f' } },
      { id: 'b', source: { kind: 'env', name: 'B' } },
      { id: 'c', source: { kind: 'file', path: 'c' } },
      { id: 'D', source: { kind: 'env', name: 'D' } },
    ],
  },
);
test(means, ['--iidfile', 'i', '--metadata-file', 'm', '--ignorefile', 'g'], {
  iidFile: 'i',
  metadataFile: 'm',
  ignoreFile: 'g',
});
test(
  'the epoch of the environment is an argument too',
  means,
  [],
  {
    buildArgs: new Map([['SOURCE_DATE_EPOCH', '5']]),
  },
  { SOURCE_DATE_EPOCH: '5' },
);
test(
  'an argument goes before the environment',
  means,
  ['--build-arg', 'SOURCE_DATE_EPOCH=6'],
  { buildArgs: new Map([['SOURCE_DATE_EPOCH', '6']]) },
  { SOURCE_DATE_EPOCH: '5' },
);
test(
  'the option goes before the argument',
  means,
  ['--build-arg', 'SOURCE_DATE_EPOCH=6', '--source-date-epoch=7'],
  {
    buildArgs: new Map([['SOURCE_DATE_EPOCH', '7']]),
  },
);
const emptyText = ['--target=', '--file=', '-f', '', '--iidfile=', '--metadata-file=', '--call=', '-m', ''];
const emptyChoice = ['--progress=', '--network=', '--isolation='];
const emptyList = ['-o', '', '--cache-from=', '--cache-to=', '--no-cache-filter=', '--build-context='];
const emptyValue = ['--secret=', '--ssh=', '--allow=', '--add-host='];
test('empty values are none', (t) => {
  const empty = [...emptyText, ...emptyChoice, ...emptyList, ...emptyValue];
  t.deepEqual(request([...empty, '.']), request(['.']));
});
test('an empty value takes the one before it back', means, ['--file=a', '--file='], { file: undefined });
test('an empty target among others is none', means, ['--target=', '--target=a'], { target: 'a' });
test('progress of the environment', means, [], { progress: 'plain' }, { BUILDKIT_PROGRESS: 'plain' });
const arm = { os: 'linux', architecture: 'arm64' };
const amd = { os: 'linux', architecture: 'amd64' };
const usual = { DOCKER_DEFAULT_PLATFORM: 'linux/arm64,linux/amd64' };
test('platforms of the environment', means, [], { platforms: [arm, amd], index: true }, usual);
test('the option goes before them', means, ['--platform=linux/amd64'], { platforms: [amd] }, usual);
test('an empty one is none', means, [], { platforms: [] }, { DOCKER_DEFAULT_PLATFORM: '' });
test(
  'the option goes before progress of the environment',
  means,
  ['--progress=tty'],
  { progress: 'tty' },
  { BUILDKIT_PROGRESS: 'plain' },
);
test(
  means,
  [
    '--creds',
    'me:p:w',
    '--insecure-registry',
    'a:5000',
    '--retry',
    '3',
    '--retry-delay',
    '1m1.5s',
    '--authfile',
    'f',
    '--registry-ca',
    'c',
  ],
  {
    registry: {
      authfile: 'f',
      credentials: { username: 'me', password: 'p:w' },
      insecureRegistries: ['a:5000'],
      authorities: [{ host: undefined, file: 'c' }],
      clients: [],
      certificateFolder: undefined,
      mirrors: [],
      mirrorsOnly: false,
      retries: 3,
      retryDelay: 61_500,
    },
  },
);
test(means, ['--tls-verify=false'], { registry: { ...request(['.']).registry, insecureRegistries: ['*'] } });

const refuses = test.macro({
  exec(t, args: readonly string[], message: RegExp, env: Record<string, string> = {}) {
    const error = t.throws(() => request(args, env), { instanceOf: TsbuildError, message });
    t.is(error?.code, 'usage');
    t.notRegex(error?.message ?? '', /\.$/);
  },
  title: (title, args) => title ?? `refused: build ${String(args)}`,
});
test(refuses, [], /takes 1 argument, not none/);
test(refuses, ['a', 'b'], /takes 1 argument, not "a" "b"/);
test(refuses, ['-t', 'UPPER', '.'], /invalid image reference/);
test(refuses, ['-t', `a@sha256:${'0'.repeat(64)}`, '.'], /cannot have a digest/);
test(refuses, ['--push', '.'], /--push needs a name/);
test(refuses, ['-f', '-', '-'], /cannot both come from standard input/);
test(refuses, ['--ignorefile', '', '.'], /--ignorefile is empty/);
test(refuses, ['--platform', 'linux/a/b/c', '.'], /invalid platform/);
test(refuses, ['--pull=sometimes', '.'], /--pull does not know "sometimes"/);
test(refuses, ['--progress=fancy', '.'], /--progress does not know "fancy"/);
test(refuses, ['--isolation=hyperv', '.'], /--isolation does not know/);
test(refuses, ['--network=bridge', '.'], /--network does not know/);
test(refuses, ['--jobs=many', '.'], /--jobs takes a whole number/);
test(refuses, ['--jobs=-1', '.'], /--jobs takes a whole number/);
test(refuses, ['--retry-delay=soon', '.'], /--retry-delay takes a duration/);
test(refuses, ['--network=none', '--dns=::1', '.'], /no name server can be reached/);
test(refuses, ['--label', '=x', '.'], /--label has no name/);
test(refuses, ['--build-arg', '=x', '.'], /--build-arg has no name/);
test(refuses, ['--add-host', 'a:b', '.'], /wrong --add-host "a:b"/);
test(refuses, ['--creds', 'me', '.'], /--creds has no password/);
test(
  'refused: an unknown progress of the environment',
  refuses,
  ['.'],
  /BUILDKIT_PROGRESS does not know "x"/,
  { BUILDKIT_PROGRESS: 'x' },
);
for (const secret of ['src=a', 'id=', 'id=a,src=b,env=c', 'id=a,type=magic', 'id=a,mode=1']) {
  test(refuses, ['--secret', secret, '.'], /^wrong --secret/);
}

test('a message about a wrong secret or password does not repeat it', (t) => {
  for (const args of [
    ['--secret', 'id=a,value=hunter2,x', '.'],
    ['--secret', 'hunter2', '.'],
    ['--creds', 'hunter2', '.'],
  ]) {
    const error = t.throws(() => request(args), { instanceOf: TsbuildError });
    t.false(`${error?.message} ${error?.hint}`.includes('hunter2'), error?.message);
  }
});

for (const [name, value] of [
  ['BUILDX_GIT_LABELS', 'full'],
  ['BUILDX_GIT_LABELS', '1'],
  ['EXPERIMENTAL_BUILDKIT_SOURCE_POLICY', 'policy.json'],
] as const) {
  test(`a variable that would change the result is not ignored: ${name}=${value}`, (t) => {
    const error = t.throws(() => request(['.'], { [name]: value }), { instanceOf: TsbuildError });
    t.is(error?.code, 'unsupported');
    t.is(error?.message, `${name} is not supported`);
  });
}
test('a variable that says no is none', means, [], { labels: new Map() }, { BUILDX_GIT_LABELS: '0' });
