/** What the options of RUN steps mean. */
import test from 'ava';
import { stepRequest, type StepRequest } from '../../src/cli/step-options.js';
import { TsbuildError } from '../../src/util/errors.js';

type Given = Partial<Parameters<typeof stepRequest>[0]>;

function request(given: Given): StepRequest {
  return stepRequest({
    ssh: [],
    memory: undefined,
    cpus: undefined,
    'pids-limit': undefined,
    'shm-size': undefined,
    ulimit: [],
    'step-timeout': undefined,
    'host-port': [],
    'cdi-spec-dir': [],
    dns: [],
    'dns-search': [],
    'dns-option': [],
    ...given,
  });
}

const limits = test.macro({
  exec: (t, given: Given, expected: StepRequest['limits']) => t.deepEqual(request(given).limits, expected),
  title: (_, given) => JSON.stringify(given),
});

test(limits, {}, {});
test(limits, { memory: '1024' }, { memory: 1024 });
test(limits, { memory: '64m' }, { memory: 64 << 20 });
test(limits, { memory: '1.5GiB' }, { memory: 1.5 * 2 ** 30 });
test(limits, { memory: '2Kb' }, { memory: 2048 });
test(limits, { cpus: '1.5' }, { cpus: 1.5 });
test(limits, { 'pids-limit': '10' }, { pids: 10 });
test(limits, { 'shm-size': '1t' }, { shmSize: 2 ** 40 });
test(limits, { 'step-timeout': '2m' }, { timeout: 120_000 });
test(
  limits,
  { ulimit: ['nofile=10', 'core=0:-1', 'stack=1:unlimited'] },
  {
    ulimits: [
      { resource: 7, soft: 10n, hard: 10n },
      { resource: 4, soft: 0n, hard: (1n << 64n) - 1n },
      { resource: 3, soft: 1n, hard: (1n << 64n) - 1n },
    ],
  },
);

test('agents', (t) => {
  t.deepEqual(request({ ssh: ['default', 'a=/sock', 'b=k1,k2', 'c=x=y'] }).ssh, [
    { id: 'default', paths: [] },
    { id: 'a', paths: ['/sock'] },
    { id: 'b', paths: ['k1', 'k2'] },
    { id: 'c', paths: ['x=y'] },
  ]);
});

test('ports', (t) => {
  t.deepEqual(request({ 'host-port': ['3128', '80'] }).hostPorts, [3128, 80]);
});

const refuses = test.macro({
  exec: (t, given: Given) => {
    t.throws(() => request(given), { instanceOf: TsbuildError, code: 'usage' });
  },
  title: (_, given) => `refused: ${JSON.stringify(given)}`,
});

for (const memory of ['', '0', '-1', 'm', '1x', '1e3', '0.1', '9'.repeat(30)]) test(refuses, { memory });
for (const cpus of ['', '0', '0.001', '-1', '1e3', 'x', '9999']) test(refuses, { cpus });
for (const text of [
  '',
  'nofile',
  'nofile=',
  'nofile=a',
  'nofile=2:1',
  'nofile=1:2:3',
  'constructor=1',
  'NOFILE=1',
]) {
  test(refuses, { ulimit: [text] });
}
for (const port of ['0', '65536', '-1', 'http', '']) test(refuses, { 'host-port': [port] });
for (const text of ['', '=x', 'a=', 'a=x,,y']) test(refuses, { ssh: [text] });
test(refuses, { 'pids-limit': '0' });
test(refuses, { 'step-timeout': '0' });
test(refuses, { 'cdi-spec-dir': [''] });

test('--dns, --dns-search and --dns-option', (t) => {
  t.is(request({}).resolver, undefined);
  t.deepEqual(
    request({ dns: ['192.0.2.1', '::1'], 'dns-search': ['.'], 'dns-option': ['ndots:1'] }).resolver,
    {
      servers: ['192.0.2.1', '::1'],
      searches: ['.'],
      options: ['ndots:1'],
    },
  );
});
for (const given of [
  { dns: ['a.example'] },
  { 'dns-search': ['a b'] },
  { 'dns-option': ['a\nnameserver 1'] },
]) {
  test(`refused: ${JSON.stringify(given)}`, (t) => {
    t.is(t.throws(() => request(given), { instanceOf: TsbuildError })?.code, 'usage');
  });
}
test('--dns none is not supported', (t) => {
  t.is(t.throws(() => request({ dns: ['none'] }), { instanceOf: TsbuildError })?.code, 'unsupported');
});
