import { linux } from '../linux.js';
import { valueOf, type Operation } from '../../sys/program.js';
import { attach, attachTo, cloneMount, newMount, openBelow, optional, setAttributes } from './operations.js';
import type { HostFacts, OpeningPlan } from './plan.js';

const { MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_STRICTATIME } =
  linux;
/** What every mount without programs and devices has. */
export const inert = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
const memory = valueOf('memory');
const dev = valueOf('dev');
const base = ['proc', 'dev', 'sys'] as const;

/**
 * /proc, /dev and /sys with what is below them, as Docker and BuildKit mount them: on folders of the file system in
 * memory, as there need not be a root yet. The slots of these names hold descriptors of them.
 */
export function mountBase({ spec, host }: OpeningPlan): Operation[] {
  const insecure = spec.security === 'insecure';
  return [
    ...base.map((name): Operation => ({
      call: 'mkdirat',
      args: [memory, name, 0o700],
      label: `mount /${name}`,
    })),
    ...newMount({ type: 'proc', attributes: inert }, 'new', 'mount /proc'),
    ...attach('new', memory, 'proc', 'mount /proc'),
    openBelow(memory, 'proc', 'proc', 'mount /proc'),
    ...mountDev(host, { insecure, shmSize: spec.limits?.shmSize ?? 64 << 20 }),
    ...mountSys(host, insecure),
    ...(insecure ? [] : maskPaths(host)),
  ];
}

/** Moves them to their places in the root. What is no mount, as /sys may be, stays away: EINVAL. */
export function moveBase({ initial }: HostFacts): Operation[] {
  return base.flatMap((name) => {
    const move = attach(name, valueOf('root'), name, `mount /${name}`);
    if (initial || name !== 'sys') return move;
    return move.map((each) => (each.call === 'move_mount' ? { ...each, tolerate: linux.EINVAL } : each));
  });
}

/**
 * A small /dev. Its device nodes are bind mounts of the host's, as the file system itself, like every other of the
 * sandbox, is mounted nodev: with CAP_MKNOD a step could otherwise make itself the host's disks.
 */
function mountDev(
  host: HostFacts,
  { insecure, shmSize }: { readonly insecure: boolean; readonly shmSize: number },
): Operation[] {
  const label = 'mount /dev';
  const attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME | (insecure ? 0 : MOUNT_ATTR_NODEV);
  const options = [
    ['mode', '755'],
    ['size', '65536k'],
  ] as const;
  const folders = ['pts', 'shm', 'mqueue'].map((name): Operation => ({
    call: 'mkdirat',
    args: [dev, name, 0o755],
    label,
  }));
  return [
    { call: 'umask', args: [0] },
    ...newMount({ type: 'tmpfs', options, attributes }, 'new', label),
    ...attach('new', memory, 'dev', label),
    openBelow(memory, 'dev', 'dev', label),
    ...folders,
    ...links.map(([name, target]): Operation => ({ call: 'symlinkat', args: [target, dev, name], label })),
    ...(insecure && host.initial ? makeDevices(host) : bindDevices(host)),
    ...mountInDev(host, shmSize),
  ];
}

const links = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
  ['ptmx', 'pts/ptmx'],
  ['core', '/proc/kcore'],
] as const;

function bindDevices(host: HostFacts): Operation[] {
  return host.devices.flatMap((name): Operation[] => {
    const label = `bind /dev/${name}`;
    return [
      { call: 'mknodat', args: [dev, name, linux.S_IFREG | 0o666, 0], label },
      ...cloneMount({ directory: linux.AT_FDCWD, path: `/dev/${name}` }, 'new', label),
      setAttributes('new', MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, label),
      ...attach('new', dev, name, label),
    ];
  });
}

function makeDevices(host: HostFacts): Operation[] {
  return host.allDevices.map(({ name, mode, device }): Operation => {
    return { call: 'mknodat', args: [dev, name, mode, device], tolerate: 'any', label: `make /dev/${name}` };
  });
}

function mountInDev({ singleId }: HostFacts, shmSize: number): Operation[] {
  const terminals = {
    type: 'devpts',
    options: [['ptmxmode', '0666'], ['mode', '0620'], ...(singleId ? [] : [['gid', '5'] as const])],
    flags: ['newinstance'],
    attributes: MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
  } as const;
  const shared = {
    type: 'tmpfs',
    options: [
      ['mode', '1777'],
      ['size', `${shmSize / 1024}k`],
    ],
    attributes: inert,
  } as const;
  return [
    ...newMount(terminals, 'new', 'mount /dev/pts'),
    ...attach('new', dev, 'pts', 'mount /dev/pts'),
    ...newMount(shared, 'new', 'mount /dev/shm'),
    ...attach('new', dev, 'shm', 'mount /dev/shm'),
    // A kernel without POSIX message queues has no such file system.
    ...optional([
      ...newMount({ type: 'mqueue', attributes: inert }, 'new', 'mount /dev/mqueue'),
      ...attach('new', dev, 'mqueue', 'mount /dev/mqueue'),
    ]),
  ];
}

/**
 * /sys, read-only, with the one folder of the control groups that the new namespace shows. In a user namespace that
 * uses the network of the host the kernel refuses it: then /sys is empty.
 */
function mountSys({ initial }: HostFacts, insecure: boolean): Operation[] {
  const attributes = inert | (insecure ? 0 : MOUNT_ATTR_RDONLY);
  const label = 'mount /sys';
  const mount = [
    ...newMount({ type: 'sysfs', attributes }, 'new', label),
    ...attach('new', memory, 'sys', label),
  ];
  return [
    ...(initial ? mount : optional(mount)),
    openBelow(memory, 'sys', 'sys', label),
    // Absent on kernels without control groups, refused where only version 1 is in use.
    ...optional([
      ...newMount({ type: 'cgroup2', attributes }, 'new', 'mount /sys/fs/cgroup'),
      ...attach('new', valueOf('sys'), 'fs/cgroup', 'mount /sys/fs/cgroup'),
    ]),
  ];
}

const maskedFiles = [
  'interrupts',
  'kcore',
  'keys',
  'latency_stats',
  'sched_debug',
  'timer_list',
  'timer_stats',
];
const maskedProcFolders = ['acpi', 'asound', 'scsi'];
const maskedSysFolders = ['firmware', 'devices/virtual/powercap', 'fs/selinux'];
const readonlyPaths = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'];

/** Hides what tells or changes the host. Paths that the kernel lacks are passed over; any other failure is one. */
function maskPaths(host: HostFacts): Operation[] {
  const proc = valueOf('proc');
  const sys = valueOf('sys');
  return [
    ...maskedFiles.flatMap((path) => {
      const label = `mask /proc/${path}`;
      return ifPresent(openBelow(proc, path, 'target', label), [
        ...cloneMount({ directory: dev, path: 'null' }, 'new', label),
        ...attachTo('new', 'target', label),
      ]);
    }),
    ...maskedProcFolders.flatMap((path) => maskFolder(openBelow(proc, path, 'target', `mask /proc/${path}`))),
    ...[...maskedSysFolders, ...host.thermalFolders].flatMap((path) => {
      return maskFolder(openBelow(sys, path, 'target', `mask /sys/${path}`));
    }),
    ...readonlyPaths.flatMap((path) => {
      const label = `protect /proc/${path}`;
      return ifPresent(openBelow(proc, path, 'target', label), [
        ...cloneMount({ directory: proc, path }, 'new', label),
        setAttributes('new', inert | MOUNT_ATTR_RDONLY, label),
        ...attachTo('new', 'target', label),
      ]);
    }),
  ];
}

function maskFolder(open: Operation): Operation[] {
  const label = open.label ?? '';
  const empty = { type: 'tmpfs', attributes: inert | MOUNT_ATTR_RDONLY } as const;
  return ifPresent(open, [...newMount(empty, 'new', label), ...attachTo('new', 'target', label)]);
}

/** The rest is left out when the first operation finds nothing. */
function ifPresent(open: Operation, rest: readonly Operation[]): Operation[] {
  return [{ ...open, tolerate: linux.ENOENT, skip: rest.length }, ...rest];
}
