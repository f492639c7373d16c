import { linux } from '../linux.js';
import { playerImage, type Arch } from '../../sys/player-elf.js';
import { addressOf, jump, valueOf, type Operation, type Program } from '../../sys/program.js';
import { report } from './operations.js';
import type { ExecSpec } from '../types.js';
import type { OpeningPlan, SandboxPlan } from './plan.js';

export const dieWithParent: Operation = {
  call: 'prctl',
  args: [linux.PR_SET_PDEATHSIG, linux.SIGKILL],
  label: 'death signal',
};

/** Descriptors of the pipes behind the step's stdout and stderr: fixed, as everything above 4 was closed before. */
export const outputPipes = { stdout: { read: 5, write: 6 }, stderr: { read: 7, write: 8 } } as const;
/** Open for a moment only. */
export const inputPipe = { read: 9, write: 10 } as const;
const firstFreeFd = 9;

/** Tag of the report that the next program is being played. */
export const startedTag = -3n;
/** Tag of the report that the step's output can be opened for reading. */
export const outputTag = -7n;
/** Tag of the report that the step's input can be opened for writing. */
export const inputTag = -4n;

/** What all programs but the first begin with. */
export const started: readonly Operation[] = report(startedTag, 'started');

/** Ends a program that is played before the step is known: the one that comes on fd 3 goes on from here. */
export const waitForStep: Operation = {
  call: 'fcntl',
  args: [3, linux.F_GETFD, 0],
  next: true,
  label: 'wait for the step',
};

/** Until tsbuild has done its part. */
export const waitForGo: Operation = {
  call: 'read',
  args: [3, addressOf('go'), 1],
  nonzero: true,
  label: 'wait for tsbuild',
};

/**
 * Goes on as a copy of the player in sealed memory, so that a step that executes /proc/self/exe can never write to a
 * file of the host (CVE-2019-5736). The next program on fd 3 is played by the copy.
 */
export function sealedPlayer(arch: Arch): Program {
  const { address, size } = playerImage(arch);
  const flags = linux.MFD_CLOEXEC | linux.MFD_ALLOW_SEALING;
  const create = { call: 'memfd_create', result: { slot: 'copy' }, label: 'memory file' } as const;
  return {
    operations: [
      dieWithParent,
      { ...create, args: ['tsbuild-init', flags | linux.MFD_EXEC], tolerate: linux.EINVAL, skip: 1 },
      jump(1),
      { ...create, args: ['tsbuild-init', flags] }, // kernels before 6.3
      { call: 'write', args: [valueOf('copy'), address, size], label: 'memory file' },
      {
        call: 'fcntl',
        args: [valueOf('copy'), linux.F_ADD_SEALS, linux.F_SEAL_ALL],
        label: 'seal memory file',
      },
      {
        call: 'execveat',
        args: [valueOf('copy'), '', { words: ['tsbuild-init', 0] }, { words: [0] }, linux.AT_EMPTY_PATH],
        label: 'execute memory file',
      },
    ],
  };
}

/** Pipes, namespaces and a private view of all mounts: what the outermost process does first. */
export function enterNamespaces({ spec, network, groups = [] }: OpeningPlan): Operation[] {
  const own = spec.network === 'none';
  const { CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP, CLONE_NEWNET } = linux;
  const flags =
    CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | (own ? CLONE_NEWNET : 0);
  return [
    ...makePipes(spec),
    // Before the namespaces are made, so that the step's view of the control groups begins at its own.
    ...groups.flatMap(enterGroup),
    { call: 'unshare', args: [flags], label: 'make namespaces' },
    ...(network === undefined ? [] : enterNetwork(network)),
    ...(own ? loopbackUp : []),
    { call: 'mount', args: [0, '/', 0, linux.MS_REC | linux.MS_PRIVATE, 0], label: 'make mounts private' },
  ];
}

/** Makes the pipes of the step, and says so. */
export function makePipes({ input }: Pick<ExecSpec, 'input'>): Operation[] {
  const MAXIMUM_FD = 0xffffffff;
  return [
    dieWithParent,
    ...started,
    { call: 'close_range', args: [outputPipes.stdout.read, MAXIMUM_FD, 0], label: 'close descriptors' },
    ...pipe(1, outputPipes.stdout.write),
    ...pipe(2, outputPipes.stderr.write),
    ...report(outputTag, 'started'),
    ...(input?.kind === 'pipe' ? pipeInput : []),
  ];
}

/** Sizes of the slots of this part that hold more than a result. */
export const openingSlots = { started: 8, pipe: 8, go: 8 } as const;

const labelOfPipes = 'make a pipe';

/** The writing end belongs to tsbuild alone, so that the step sees the end of its input. */
const pipeInput: readonly Operation[] = [
  { call: 'pipe2', args: [addressOf('pipe'), 0], label: labelOfPipes },
  { call: 'dup3', args: [inputPipe.read, 0, 0], label: labelOfPipes },
  ...report(inputTag, 'pipe'),
  waitForGo,
  { call: 'close', args: [inputPipe.read] },
  { call: 'close', args: [inputPipe.write] },
];

/** The user of the step owns its pipes, so that it can open /dev/stdout. */
export function ownPipes({ spec, host }: Pick<SandboxPlan, 'spec' | 'host'>): Operation[] {
  const uid = host.singleId ? 0 : spec.process.user.uid;
  const fds = spec.input?.kind === 'pipe' ? [0, 1, 2] : [1, 2];
  return fds.map((fd) => ({ call: 'fchown', args: [fd, uid, -1], label: labelOfPipes }));
}

/** Writing 0 names the writer. */
export function enterGroup(directory: string): Operation[] {
  const label = 'enter a control group';
  const flags = linux.O_WRONLY | linux.O_CLOEXEC;
  return [
    {
      call: 'openat',
      args: [linux.AT_FDCWD, `${directory}/cgroup.procs`, flags],
      result: { slot: 'opened' },
      label,
    },
    { call: 'write', args: [valueOf('opened'), '0', 1], label },
    { call: 'close', args: [valueOf('opened')] },
  ];
}

function enterNetwork(path: string): Operation[] {
  const label = 'enter the network of the build';
  const flags = linux.O_RDONLY | linux.O_CLOEXEC;
  return [
    { call: 'openat', args: [linux.AT_FDCWD, path, flags], result: { slot: 'opened' }, label },
    { call: 'setns', args: [valueOf('opened'), linux.CLONE_NEWNET], label },
    { call: 'close', args: [valueOf('opened')] },
  ];
}

/** A pipe whose writing end becomes `fd`. */
function pipe(fd: number, end: number): Operation[] {
  return [
    { call: 'pipe2', args: [addressOf('pipe'), 0], label: labelOfPipes },
    { call: 'dup3', args: [end, fd, 0], label: labelOfPipes },
  ];
}

/** In a new network namespace: its loopback interface is up. */
export const loopbackUp: readonly Operation[] = [
  {
    call: 'socket',
    args: [linux.AF_INET, linux.SOCK_DGRAM, 0],
    result: { slot: 'socket' },
    label: 'loopback',
  },
  { call: 'ioctl', args: [valueOf('socket'), linux.SIOCSIFFLAGS, interfaceUp('lo')], label: 'loopback' },
  { call: 'close', args: [valueOf('socket')] },
];

/** struct ifreq: 16 bytes of name, then flags. */
function interfaceUp(name: string): Uint8Array {
  const request = Buffer.alloc(40);
  request.write(name, 'latin1');
  request.writeUInt16LE(linux.IFF_UP, 16);
  return request;
}

/** Goes on in a child, whose parent only reaps and passes on its status. */
export function fork(label: string): Operation {
  return { call: 'clone', args: [linux.SIGCHLD, 0, 0, 0, 0], fork: true, label };
}

/**
 * Goes on as the first process of the new PID namespace: it dies with its parent and cannot be traced. Of a parent that
 * was killed before the death signal was asked for the kernel says nothing; but it alone holds the writing end of a
 * pipe, so that reading from it then gives the end instead of EAGAIN. Two descriptors of 32 bits lie in the slot, and
 * system calls look at no more of an argument.
 */
export function forkInit(label: string): Operation[] {
  const [reading, writing] = [valueOf('lifeline'), valueOf('lifeline', 4)];
  const flags = linux.O_NONBLOCK | linux.O_CLOEXEC;
  const watch = 'see the parent alive';
  return [
    { call: 'pipe2', args: [addressOf('lifeline'), flags], label: watch },
    fork(label),
    dieWithParent,
    { call: 'close', args: [writing] },
    {
      call: 'read',
      args: [reading, addressOf('go'), 1],
      nonzero: true,
      tolerate: linux.EAGAIN,
      label: watch,
    },
    { call: 'close', args: [reading] },
    { call: 'prctl', args: [linux.PR_SET_DUMPABLE, 0], label: 'protect init' },
  ];
}

/** Sizes of the slots of `forkInit`. */
export const initSlots = { lifeline: 16, go: 8 } as const;

/** Leaves the old root for good; then all descriptors of the preparation are closed. */
export function enterRoot(spec: SandboxPlan['spec']): Operation[] {
  return [
    { call: 'fchdir', args: [valueOf('root')], label: 'enter the root' },
    { call: 'pivot_root', args: ['.', '.'], label: 'pivot_root' },
    { call: 'umount2', args: ['.', linux.MNT_DETACH], label: 'leave the old root' },
    { call: 'chdir', args: ['/'], label: 'enter the root' },
    { call: 'close_range', args: [firstFreeFd, 0xffffffff, 0], label: 'close descriptors' },
    { call: 'sethostname', args: [spec.hostname, spec.hostname.length], label: 'set the host name' },
    { call: 'setdomainname', args: ['(none)', 6], label: 'set the domain name' },
  ];
}
