import { linux } from '../linux.js';
import { addressOf, jump, valueOf, type Operation, type Program } from '../../sys/program.js';
import { defaultCapabilities } from '../capabilities.js';
import { seccompFilter } from '../seccomp/filter.js';
import {
  dieWithParent,
  enterGroup,
  fork,
  makePipes,
  openingSlots,
  ownPipes,
  started,
  waitForStep,
} from './namespaces.js';
import { report } from './operations.js';
import type { ExecSpec } from '../types.js';
import type { SandboxPlan } from './plan.js';
import {
  becomeUser,
  commandSlots,
  execute,
  limitCapabilities,
  limits,
  openCwd,
  readyTag,
  setCapabilities,
  setLimit,
  standardInput,
  stayInside,
  stepSlots,
} from './step.js';

export type ChrootPlan = Pick<SandboxPlan, 'spec' | 'host'> & {
  /** Plain directory that becomes the root: an absolute byte string. */
  readonly root: string;
  /** Version of Landlock; undefined where the kernel has none. */
  readonly landlock: number | undefined;
  /** Directories of control groups to enter, byte strings. */
  readonly groups: readonly string[];
};

/** The step may not leave its root, and so gets neither CAP_SYS_CHROOT nor CAP_MKNOD. */
const capabilities = defaultCapabilities & ~(1n << 18n) & ~(1n << 27n);

/** What a step in a changed root begins with: its pipes. */
export function chrootOpening(spec: ExecSpec): Program {
  return { operations: [...makePipes(spec), waitForStep], slots: openingSlots };
}

/**
 * The rest of a step in a changed root, without any namespace. The outermost process adopts what outlives the step's own parent, and stays until
 * tsbuild has ended all of that and kills it; that parent reaps and reports the status. Pure.
 */
export function chrootProgram(plan: ChrootPlan): Program {
  const { spec, host } = plan;
  const { argv, env, cwd, user } = spec.process;
  return {
    operations: [
      ...started,
      ...ownPipes(plan),
      ...plan.groups.flatMap(enterGroup),
      { call: 'prctl', args: [linux.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0], label: 'adopt what is left' },
      ...stayBehind,
      dieWithParent,
      fork('start the step'),
      dieWithParent,
      { call: 'setsid', args: [], label: 'start a session' },
      { call: 'keyctl', args: [linux.KEYCTL_JOIN_SESSION_KEYRING, 0], tolerate: 'any' },
      ...standardInput(spec.input, user.uid),
      ...limits(host),
      ...(spec.limits?.ulimits ?? []).map(setLimit),
      ...enterRoot(plan),
      ...limitCapabilities(host, capabilities),
      {
        call: 'seccomp',
        args: [linux.SECCOMP_SET_MODE_FILTER, 0, filterOf(plan)],
        label: 'load the system call filter',
      },
      ...setCapabilities(capabilities & host.permitted),
      openCwd(cwd),
      { call: 'fchdir', args: [valueOf('cwd')], label: 'enter the working directory' },
      ...stayInside,
      ...becomeUser(user),
      ...report(readyTag, 'path'),
      { call: 'close_range', args: [3, 0xffffffff, linux.CLOSE_RANGE_CLOEXEC], label: 'close descriptors' },
      ...execute(argv, env),
    ],
    slots: { ...stepSlots, ...commandSlots(argv, env) },
  };
}

function filterOf({ host }: ChrootPlan): { readonly words: readonly [number, Uint8Array] } {
  const filter = seccompFilter(host.arch, 'all-ids');
  return { words: [filter.length / 8, filter] };
}

/** Tag of the report that the step's parent is gone: it tells the status before, unless the step has killed it. */
export const parentEndedTag = -6n;

/** Descriptors of a pipe that the step's parent alone holds open for writing; no lower ones are free. */
const alive = { read: 9, write: 10 } as const;

/** What the outermost process does: it waits for the end of the step's parent, and then for its own. */
const watchParent: readonly Operation[] = [
  { call: 'close', args: [alive.write] },
  { call: 'read', args: [alive.read, addressOf('go'), 1] },
  ...report(parentEndedTag, 'go'),
  { call: 'ppoll', args: [0, 0, 0, 0, 0] },
];

/**
 * A fork after which both go on: in the child the result is 0, which access() takes for a mode, and in the parent a process
 * id, which it refuses.
 */
const stayBehind: readonly Operation[] = [
  { call: 'pipe2', args: [addressOf('pipe'), linux.O_CLOEXEC], label: 'start a process' },
  { call: 'clone', args: [linux.SIGCHLD, 0, 0, 0, 0], result: { slot: 'child' }, label: 'start a process' },
  {
    call: 'faccessat',
    args: [linux.AT_FDCWD, '/', valueOf('child')],
    tolerate: linux.EINVAL,
    skip: 1,
  },
  jump(watchParent.length),
  ...watchParent,
];

/** Descriptor that the rule names in its data. */
const rootFd = 100;

function enterRoot({ root, landlock }: ChrootPlan): Operation[] {
  const label = 'enter the root';
  return [
    {
      call: 'openat',
      args: [linux.AT_FDCWD, root, linux.O_PATH | linux.O_CLOEXEC],
      result: { slot: 'opened' },
      label,
    },
    { call: 'dup3', args: [valueOf('opened'), rootFd, linux.O_CLOEXEC], label },
    { call: 'prctl', args: [linux.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0], label },
    ...(landlock !== undefined && landlock >= 2 ? confine(landlock) : []),
    { call: 'fchdir', args: [rootFd], label },
    { call: 'chroot', args: ['.'], label },
    { call: 'chdir', args: ['/'], label },
  ];
}

/** All rights to files that a version knows (linux/landlock.h). Version 1 would refuse renames between folders. */
const fileRights = (version: number): bigint => (1n << (version >= 5 ? 16n : version >= 3 ? 15n : 14n)) - 1n;
/** Signals to processes outside. */
const scopeSignal = 2n;

/** Landlock: nothing but the root can be reached, and from version 6 on no process outside be signalled. */
function confine(version: number): Operation[] {
  const label = 'confine to the root';
  const rights = fileRights(version);
  const scoped = version >= 6;
  const ruleset = new Uint8Array(new BigUint64Array([rights, 0n, scopeSignal]).buffer);
  const rule = Buffer.alloc(12);
  rule.writeBigUInt64LE(rights);
  rule.writeInt32LE(rootFd, 8);
  return [
    {
      call: 'landlock_create_ruleset',
      args: [ruleset, scoped ? 24 : 8, 0],
      result: { slot: 'ruleset' },
      label,
    },
    {
      call: 'landlock_add_rule',
      args: [valueOf('ruleset'), linux.LANDLOCK_RULE_PATH_BENEATH, rule, 0],
      label,
    },
    { call: 'landlock_restrict_self', args: [valueOf('ruleset'), 0], label },
  ];
}
