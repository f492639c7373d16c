/** The programs of sandboxes as golden data: every system call of a step, in its order. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import test from 'ava';
import { sealedPlayer } from '../../src/executor/sandbox/namespaces.js';
import type { SandboxPlan } from '../../src/executor/sandbox/plan.js';
import { connectorProgram, namespaceProgram } from '../../src/executor/sandbox/network.js';
import { chrootOpening, chrootProgram } from '../../src/executor/sandbox/chroot-program.js';
import { openingProgram, stepProgram } from '../../src/executor/sandbox/program.js';
import { commandPaths } from '../../src/executor/sandbox/step.js';
import type { ExecSpec } from '../../src/executor/types.js';
import { encodeProgram, type Argument, type Operation, type Program } from '../../src/sys/program.js';
import { projectRoot } from '../helpers/project.js';

const spec: ExecSpec = {
  lowers: [
    { path: '/store/one', namespace: 'trusted' },
    { path: '/store/two', namespace: 'trusted' },
  ],
  process: {
    argv: ['/bin/sh', '-c', 'make'],
    env: ['PATH=/usr/bin:/bin', 'HOME=/root'],
    cwd: '/src',
    user: { uid: 0, gid: 0, groups: [0, 10], home: '/root' },
  },
  mounts: [],
  network: 'default',
  security: 'sandbox',
  hostname: 'buildkitsandbox',
  extraHosts: [],
  onOutput: () => undefined,
};

const plan: SandboxPlan = {
  spec,
  host: {
    arch: 'x64',
    initial: true,
    trusted: true,
    singleId: false,
    permitted: (1n << 41n) - 1n,
    lastCapability: 40,
    openFiles: 1n << 19n,
    coreSize: (1n << 64n) - 1n,
    devices: ['null', 'zero'],
    allDevices: [{ name: 'fuse', mode: 0o020666, device: 0x0ae5 }],
    thermalFolders: ['devices/system/cpu/cpu0/thermal_throttle'],
    resolvConf: Buffer.from('nameserver 192.0.2.1\n'),
  },
  paths: { root: '/s/root', memory: '/s/memory', upper: '/s/upper', work: '/s/work', init: '/s/init' },
  mounts: [],
  hosts: 'etc/hosts',
  resolvConf: 'etc/resolv.conf',
  attributes: [{ path: '/s/upper', uid: 0, gid: 0, mode: 0o755, mtime: 5n }],
};

const full: SandboxPlan = {
  ...plan,
  spec: {
    ...spec,
    network: 'none',
    extraHosts: [['db', '192.0.2.2']],
    process: { ...spec.process, argv: ['make'], user: { uid: 1000, gid: 1000, groups: [1000], home: '/' } },
  },
  mounts: [
    {
      mount: { kind: 'cache', source: '/caches/a', target: '/c', readonly: false },
      at: { path: 'c', inside: [] },
      isDirectory: true,
    },
    {
      mount: { kind: 'bind', source: '/src/dir', target: '/b', writable: false },
      at: { path: 'b', inside: [] },
      isDirectory: true,
    },
    {
      mount: { kind: 'bind', source: '/src/file', target: '/w', writable: true },
      at: { path: 'w', inside: [] },
      isDirectory: false,
    },
    {
      mount: { kind: 'tmpfs', target: '/run', size: 4096 },
      at: { path: 'run', inside: [] },
      isDirectory: true,
    },
    {
      mount: {
        kind: 'secret',
        bytes: Buffer.from('s'),
        target: '/run/secrets/s',
        mode: 0o400,
        uid: 1,
        gid: 2,
      },
      at: { path: 'run/secrets/s', inside: ['secrets', 's'] },
      isDirectory: false,
    },
    {
      mount: { kind: 'file', bytes: Buffer.from('#!'), target: '/f', mode: 0o755 },
      at: { path: 'f', inside: [] },
      isDirectory: false,
    },
  ],
};

/** A device and a folder of the machine. */
const withDevice: SandboxPlan = {
  ...plan,
  mounts: [
    {
      mount: {
        kind: 'device',
        source: '/dev/dri/renderD128',
        target: '/dev/dri/gpu',
        mode: 0o020660,
        major: 226,
        minor: 128,
        gid: 44,
      },
      at: { path: 'dev/dri/gpu', inside: ['dri', 'gpu'] },
      isDirectory: false,
    },
    {
      mount: { kind: 'host', source: '/usr/lib/gpu', target: '/l', recursive: true, flags: ['ro', 'nosuid'] },
      at: { path: 'l', inside: [] },
      isDirectory: true,
    },
  ],
};

const terminal = {
  kind: 'terminal',
  source: Readable.from([]),
  size: { current: () => ({ rows: 24, columns: 80 }), onChange: () => () => undefined },
} as const;

/** Both parts of a program. */
type Parts = readonly [first: Program, rest?: Program];

function sandboxProgram(of: SandboxPlan): Parts {
  return [openingProgram(of), stepProgram(of)];
}

const programs: readonly [name: string, parts: Parts][] = [
  ['sealed-player', [sealedPlayer('x64')]],
  ['plain-step', sandboxProgram(plan)],
  ['full-step', sandboxProgram(full)],
  [
    'limited-step',
    sandboxProgram({
      ...plan,
      network: '/proc/9/ns/net',
      groups: ['/sys/fs/cgroup/memory/tsbuild-1', '/sys/fs/cgroup/pids/tsbuild-1'],
      spec: {
        ...spec,
        limits: { shmSize: 1 << 20, ulimits: [{ resource: 7, soft: 10n, hard: 20n }] },
      },
    }),
  ],
  ['network-namespace', [namespaceProgram()]],
  [
    'network-connector',
    [
      connectorProgram({
        namespace: '/proc/9/ns/net',
        mountedOn: '/s/namespace',
        ready: '/s/ready',
        argv: ['/usr/bin/pasta', '--foreground'],
      }),
    ],
  ],
  ['insecure-step', sandboxProgram({ ...plan, spec: { ...spec, security: 'insecure' } })],
  ['rootless-step', sandboxProgram({ ...full, host: { ...plan.host, initial: false, trusted: false } })],
  [
    'single-id-step',
    sandboxProgram({ ...full, host: { ...plan.host, initial: false, trusted: false, singleId: true } }),
  ],
  ['device-step', sandboxProgram(withDevice)],
  ['rootless-device-step', sandboxProgram({ ...withDevice, host: { ...plan.host, initial: false } })],
  ['terminal-step', sandboxProgram({ ...plan, spec: { ...spec, input: terminal } })],
  [
    'piped-step',
    sandboxProgram({ ...plan, spec: { ...spec, input: { kind: 'pipe', source: Readable.from([]) } } }),
  ],
  ['chroot-step', chrootParts(7, ['/g/x'])],
  ['chroot-step-unconfined', chrootParts(1, [])],
];

function chrootParts(landlock: number, groups: readonly string[]): Parts {
  const rest = chrootProgram({ spec, host: plan.host, root: '/s/root-1', landlock, groups });
  return [chrootOpening(spec), rest];
}

for (const [name, [first, rest]] of programs) {
  test(`${name}: the program is the kept one`, (t) => {
    const path = join(projectRoot, `fixtures/sandbox/${name}.txt`);
    const operations = [...first.operations, ...(rest?.operations ?? [])];
    const text = operations.map((operation) => `${formatOperation(operation)}\n`).join('');
    if (process.env['TSBUILD_UPDATE_FIXTURES'] === '1') writeFileSync(path, text);
    t.is(
      text,
      readFileSync(path, 'utf8'),
      'set TSBUILD_UPDATE_FIXTURES=1 to keep the new program, and read the difference',
    );
  });

  test(`${name}: it can be encoded for both architectures`, (t) => {
    t.true(encodeProgram(first, 'x64').length > 0);
    t.is(encodeProgram(first, 'arm64').length, encodeProgram(first, 'x64').length);
    if (rest === undefined) return;
    t.is(encodeProgram(rest, 'arm64', first).length, encodeProgram(rest, 'x64', first).length);
  });
}

test('the order that security rests on', (t) => {
  const parts = sandboxProgram(plan).flatMap((part) => part?.operations ?? []);
  const calls = parts.map(({ call, label }) => `${call} ${label ?? ''}`.trim());
  const at = (call: string): number => calls.indexOf(call);
  const order = [
    'prctl death signal',
    'close_range close descriptors',
    'unshare make namespaces',
    'mount make mounts private',
    'clone start init',
    'prctl protect init',
    'fcntl wait for the step',
    'mount mount the root',
    'pivot_root pivot_root',
    'umount2 leave the old root',
    'clone start the step',
    'seccomp load the system call filter',
    'capset set capabilities',
    'openat2 enter the working directory',
    'getcwd enter the working directory',
    'openat stay inside the root',
    'setgroups become the user',
    'setresgid become the user',
    'setresuid become the user',
  ].map(at);
  t.false(order.includes(-1));
  t.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
  t.true(calls.lastIndexOf('close_range close descriptors') > at('setresuid become the user'));
  t.true(calls.lastIndexOf('close_range close descriptors') < at('execve'));
});

test('the command is looked for in the last PATH of the environment, or in the usual one', (t) => {
  t.deepEqual(commandPaths('a', ['PATH=/x', 'PATH=/y::/z']), ['/y/a', './a', '/z/a']);
  t.deepEqual(commandPaths('./a', ['PATH=/x']), ['./a']);
  t.is(commandPaths('a', []).length, 6);
});

function formatOperation(operation: Operation): string {
  const { call, args, tolerate, skip, fork, nonzero, next, result, label } = operation;
  const notes = [
    ...(result ? [`-> ${result.slot}${result.offset ? `+${result.offset}` : ''}`] : []),
    ...(fork ? ['fork'] : []),
    ...(nonzero ? ['nonzero'] : []),
    ...(next ? ['next'] : []),
    ...(tolerate === undefined ? [] : [`tolerate ${tolerate}`]),
    ...(skip ? [`skip ${skip}`] : []),
    ...(label === undefined ? [] : [`# ${label}`]),
  ];
  return [`${call}(${args.map(formatArgument).join(', ')})`, ...notes].join(' ');
}

function formatArgument(argument: Argument): string {
  if (typeof argument === 'number')
    return Math.abs(argument) < 10 ? `${argument}` : `0x${(argument >>> 0).toString(16)}`;
  if (typeof argument === 'bigint') return `0x${argument.toString(16)}`;
  if (typeof argument === 'string') return JSON.stringify(argument);
  if (argument instanceof Uint8Array) {
    return argument.length > 64 ? `<${argument.length} bytes>` : `<${Buffer.from(argument).toString('hex')}>`;
  }
  if ('words' in argument) return `[${argument.words.map(formatArgument).join(', ')}]`;
  return `${argument.as === 'address' ? '&' : '*'}${argument.slot}${argument.offset ? `+${argument.offset}` : ''}`;
}
