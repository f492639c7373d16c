import { linux } from '../linux.js';
import { addressOf, valueOf, type Argument, type Operation } from '../../sys/program.js';
import { defaultCapabilities, hasCapability } from '../capabilities.js';
import { seccompFilter } from '../seccomp/filter.js';
import type { StepInput, Ulimit, User } from '../types.js';
import { waitForGo } from './namespaces.js';
import { report } from './operations.js';
import type { HostFacts, SandboxPlan } from './plan.js';

/** Tag of the report that the command is about to be executed. */
export const readyTag = -2n;
/** Tag of the report that the other end of the terminal can be opened. */
export const terminalTag = -5n;
/** Tags of the reports after a failed start: minus this minus the candidate's place. Values are negative errnos. */
export const executeTag = -1000n;
export const accessTag = -100_000n;

/** Becomes the step: limits, rights, system call filter, working directory, user; then the given command. */
export function becomeStep({ spec, host }: SandboxPlan): Operation[] {
  const { process } = spec;
  return [
    { call: 'setsid', args: [], label: 'start a session' },
    // Refused where the kernel has no keys, or an outer container forbids them: then the filter below does the same.
    { call: 'keyctl', args: [linux.KEYCTL_JOIN_SESSION_KEYRING, 0], tolerate: 'any' },
    ...standardInput(spec.input, host.singleId ? 0 : process.user.uid),
    ...limits(host),
    ...(spec.limits?.ulimits ?? []).map(setLimit),
    ...(host.singleId ? takeIds(process.user) : []),
    ...(spec.security === 'sandbox' ? restrict(host) : unrestricted(host)),
    openCwd(process.cwd),
    { call: 'fchdir', args: [valueOf('cwd')], label: 'enter the working directory' },
    ...stayInside,
    ...(host.singleId ? [] : becomeUser(process.user)),
    ...report(readyTag, 'path'),
    { call: 'close_range', args: [3, 0xffffffff, linux.CLOSE_RANGE_CLOEXEC], label: 'close descriptors' },
    ...execute(process.argv, process.env),
  ];
}

/** Sizes of the slots that hold more than a result. */
export const stepSlots = { path: 4096, go: 8 } as const;

/** Label of what fails with EBADF when the working directory lies outside the root. */
export const insideLabel = 'stay inside the root';

/**
 * The kernel writes `(unreachable)` before the path of a directory outside the root (getcwd(2)). A path that begins
 * with a slash needs no directory to start from; any other would need the one that is none here.
 */
export const stayInside: readonly Operation[] = [
  { call: 'getcwd', args: [addressOf('path'), 4096], label: 'enter the working directory' },
  { call: 'openat', args: [-1, addressOf('path'), linux.O_PATH | linux.O_CLOEXEC], label: insideLabel },
];

export function standardInput(input: StepInput | undefined, uid: number): readonly Operation[] {
  if (input === undefined) return noInput;
  return input.kind === 'pipe' ? [] : takeTerminal(uid);
}

const noInput: readonly Operation[] = [
  {
    call: 'openat',
    args: [linux.AT_FDCWD, '/dev/null', linux.O_RDWR],
    result: { slot: 'null' },
    label: 'open stdin',
  },
  { call: 'dup3', args: [valueOf('null'), 0, 0], label: 'open stdin' },
];

/** The first terminal of the sandbox's own devpts; tsbuild opens the other end. */
function takeTerminal(uid: number): Operation[] {
  const label = 'take the terminal';
  const terminal = valueOf('terminal');
  return [
    ...report(terminalTag, 'go'),
    waitForGo,
    {
      call: 'openat',
      args: [linux.AT_FDCWD, '/dev/pts/0', linux.O_RDWR],
      result: { slot: 'terminal' },
      label,
    },
    { call: 'fchown', args: [terminal, uid, -1], label },
    { call: 'ioctl', args: [terminal, linux.TIOCSCTTY, 0], label },
    ...[0, 1, 2].map((fd): Operation => ({ call: 'dup3', args: [terminal, fd, 0], label })),
    { call: 'close', args: [terminal] },
  ];
}

const maximumOpenFiles = 1n << 20n;

export function limits({ openFiles, coreSize }: HostFacts): Operation[] {
  const files = openFiles < maximumOpenFiles ? openFiles : maximumOpenFiles;
  return [
    setLimit({ resource: linux.RLIMIT_CORE, soft: 0n, hard: coreSize }),
    setLimit({ resource: linux.RLIMIT_NOFILE, soft: files, hard: files }),
    { call: 'umask', args: [0o022] },
  ];
}

const limitLabels: Readonly<Record<number, string>> = {
  [linux.RLIMIT_CORE]: 'limit core files',
  [linux.RLIMIT_NOFILE]: 'limit open files',
};

export function setLimit({ resource, soft, hard }: Ulimit): Operation {
  return {
    call: 'prlimit64',
    args: [0, resource, { words: [soft, hard] }, 0],
    label: limitLabels[resource] ?? 'set a limit',
  };
}

function restrict(host: HostFacts): Operation[] {
  const filter = seccompFilter(host.arch, host.singleId ? 'single-id' : 'all-ids');
  const program = { words: [filter.length / 8, filter] };
  return [
    ...limitCapabilities(host, defaultCapabilities),
    // Before the capabilities go: without no_new_privs a filter needs CAP_SYS_ADMIN.
    {
      call: 'seccomp',
      args: [linux.SECCOMP_SET_MODE_FILTER, 0, program],
      label: 'load the system call filter',
    },
    ...setCapabilities(defaultCapabilities & host.permitted),
  ];
}

/** Takes all other capabilities out of the bounding set. */
export function limitCapabilities({ lastCapability }: HostFacts, kept: bigint): Operation[] {
  return Array.from({ length: lastCapability + 1 }, (_, number) => number)
    .filter((number) => !hasCapability(kept, number))
    .map((number) => ({
      call: 'prctl',
      args: [linux.PR_CAPBSET_DROP, number, 0, 0, 0],
      label: 'limit capabilities',
    }));
}

function unrestricted(host: HostFacts): Operation[] {
  return setCapabilities(host.permitted);
}

export function setCapabilities(set: bigint): Operation[] {
  const label = 'set capabilities';
  const header = new Uint8Array(new Uint32Array([linux.LINUX_CAPABILITY_VERSION_3, 0]).buffer);
  const [low, high] = [Number(set & 0xffffffffn), Number(set >> 32n)];
  const data = new Uint8Array(new Uint32Array([low, low, 0, high, high, 0]).buffer); // effective, permitted, inheritable
  return [
    { call: 'prctl', args: [linux.PR_CAP_AMBIENT, linux.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0], label },
    { call: 'capset', args: [header, data], label },
  ];
}

/** Links of the image are followed, magic links such as /proc/1/cwd are not: they lead out (CVE-2024-21626). */
export function openCwd(cwd: string): Operation {
  const how = { words: [linux.O_PATH | linux.O_CLOEXEC, 0, linux.RESOLVE_NO_MAGICLINKS] };
  const args: Argument[] = [linux.AT_FDCWD, cwd, how, 24];
  return { call: 'openat2', args, result: { slot: 'cwd' }, label: 'enter the working directory' };
}

/**
 * Where one id is all there is, another user is that id by another number, in a namespace of the step's own. Its
 * supplementary groups cannot be had.
 */
function takeIds({ uid, gid }: User): Operation[] {
  if (uid === 0 && gid === 0) return [];
  return [
    { call: 'unshare', args: [linux.CLONE_NEWUSER], label: 'become the user' },
    ...writeProc('gid_map', `${gid} 0 1`),
    ...writeProc('uid_map', `${uid} 0 1`),
  ];
}

function writeProc(name: string, text: string): Operation[] {
  const label = 'become the user';
  return [
    {
      call: 'openat',
      args: [linux.AT_FDCWD, `/proc/self/${name}`, linux.O_WRONLY | linux.O_CLOEXEC],
      result: { slot: 'opened' },
      label,
    },
    { call: 'write', args: [valueOf('opened'), text, text.length], label },
    { call: 'close', args: [valueOf('opened')] },
  ];
}

/** For a user other than root the kernel empties the permitted and effective sets here. */
export function becomeUser({ uid, gid, groups }: User): Operation[] {
  const label = 'become the user';
  return [
    { call: 'setgroups', args: [groups.length, new Uint8Array(Uint32Array.from(groups).buffer)], label },
    { call: 'setresgid', args: [gid, gid, gid], label },
    { call: 'setresuid', args: [uid, uid, uid], label },
  ];
}

/** Tries each place of the command; when none starts, reports why and ends with 127. */
export function execute(argv: readonly string[], env: readonly string[]): Operation[] {
  const paths = commandPaths(argv[0] ?? '', env);
  const vectors = [{ words: [...argv, 0] }, { words: [...env, 0] }];
  return [
    ...paths.map((path, index): Operation => ({
      call: 'execve',
      args: [path, ...vectors],
      tolerate: 'any',
      result: { slot: 'executed', offset: index * 8 },
    })),
    ...paths.map((path, index): Operation => ({
      call: 'faccessat',
      args: [linux.AT_FDCWD, path, linux.X_OK],
      tolerate: 'any',
      result: { slot: 'accessed', offset: index * 8 },
    })),
    ...paths.flatMap((_, index) => [
      ...report(accessTag - BigInt(index), 'accessed', index * 8),
      ...report(executeTag - BigInt(index), 'executed', index * 8),
    ]),
    { call: 'exit_group', args: [127] },
  ];
}

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Where a command is looked for: itself when it has a slash, otherwise each folder of PATH (execvp(3)). */
export function commandPaths(command: string, env: readonly string[]): string[] {
  if (command.includes('/')) return [command];
  const path = env.findLast((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? defaultPath;
  return path.split(':').map((folder) => `${folder === '' ? '.' : folder}/${command}`);
}

/** Sizes of the result lists of a command, for the program's slots. */
export function commandSlots(argv: readonly string[], env: readonly string[]): Record<string, number> {
  const size = commandPaths(argv[0] ?? '', env).length * 8;
  return { executed: size, accessed: size };
}
