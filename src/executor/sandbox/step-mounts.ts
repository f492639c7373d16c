import { linux } from '../linux.js';
import { valueOf, type Operation } from '../../sys/program.js';
import { resolvConfFor } from '../resolv-conf.js';
import { inert } from './base-mounts.js';
import { showDevice, showHost } from './host-mounts.js';
import {
  attachTo,
  cloneMount,
  cloneOpened,
  newMount,
  openBelow,
  setAttributes,
  writeFile,
} from './operations.js';
import { overlayOptions } from './root.js';
import type { HostFacts, MountPoint, PlannedMount, SandboxPlan } from './plan.js';

const { MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV } = linux;
const root = valueOf('root');
const memory = valueOf('memory');

/**
 * /etc/hosts, /etc/resolv.conf and the mounts of the step, in their order. Files given as bytes lie in the file system
 * in memory; each is bound to its place.
 */
export function mountForStep(plan: SandboxPlan): Operation[] {
  const { spec, host, mounts } = plan;
  const own = { mode: 0o644, uid: 0, gid: 0, attributes: inert | MOUNT_ATTR_RDONLY };
  const hosts = hostsFile(spec.hostname, spec.extraHosts);
  // without a network nobody would answer
  const resolvConf =
    spec.network === 'none' ? new Uint8Array() : resolvConfFor(spec.resolver, host.resolvConf);
  return [
    ...bindFile({ ...own, bytes: hosts, at: { path: plan.hosts, inside: [] } }, 'hosts'),
    ...bindFile({ ...own, bytes: resolvConf, at: { path: plan.resolvConf, inside: [] } }, 'resolv.conf'),
    ...mounts.flatMap(({ mount, at, isDirectory }, index) => {
      if (mount.kind === 'secret')
        return bindFile({ ...own, ...mount, ...ownerIn(host, mount), at }, `${index}`);
      if (mount.kind !== 'file') return mountOne(plan, { mount, at, isDirectory }, index);
      const attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
      return bindFile({ ...own, bytes: mount.bytes, mode: mount.mode, at, attributes }, `${index}`);
    }),
  ];
}

/** Where one id is all there is, everything belongs to it. */
function ownerIn(
  { singleId }: HostFacts,
  { uid, gid }: { readonly uid: number; readonly gid: number },
): { readonly uid: number; readonly gid: number } {
  return singleId ? { uid: 0, gid: 0 } : { uid, gid };
}

interface MemoryFile {
  readonly bytes: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly at: MountPoint;
  readonly attributes: number;
}

/** Lines of /etc/hosts. */
export function hostsFile(
  hostname: string,
  extra: readonly (readonly [name: string, address: string])[],
): Uint8Array {
  const lines = [
    `127.0.0.1\tlocalhost ${hostname}`,
    '::1\tlocalhost ip6-localhost ip6-loopback',
    ...extra.map(([name, address]) => `${address}\t${name}`),
  ];
  return Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1');
}

/** A file system in memory, which the step does not see: it sees what is bound or moved from there. */
export function mountMemory(path: string): Operation[] {
  const label = 'mount files in memory';
  const options = [['mode', '700']] as const;
  return [
    ...newMount(
      { type: 'tmpfs', options, optionalFlags: ['noswap'], attributes: MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV },
      'new',
      label,
    ),
    {
      call: 'openat',
      args: [linux.AT_FDCWD, path, linux.O_PATH | linux.O_CLOEXEC],
      result: { slot: 'target' },
      label,
    },
    ...attachTo('new', 'target', label),
    {
      call: 'openat',
      args: [linux.AT_FDCWD, path, linux.O_PATH | linux.O_CLOEXEC],
      result: { slot: 'memory' },
      label,
    },
  ];
}

function bindFile(file: MemoryFile, name: string): Operation[] {
  const label = `mount /${file.at.path}`;
  return [
    ...writeFile({ directory: memory, path: name, bytes: file.bytes }, label),
    { call: 'fchownat', args: [memory, name, file.uid, file.gid, 0], label },
    { call: 'fchmodat', args: [memory, name, file.mode], label },
    ...cloneMount({ directory: memory, path: name }, 'new', label),
    setAttributes('new', file.attributes, label),
    ...attachAt(file.at, 'file', label),
  ];
}

function mountOne(
  { spec, host, paths }: SandboxPlan,
  { mount, at, isDirectory }: PlannedMount,
  index: number,
): Operation[] {
  const label = `mount /${at.path}`;
  const { trusted } = host;
  const place = `${paths.memory}/bind-${index}`;
  const clone = (path: string): Operation[] => cloneMount({ directory: linux.AT_FDCWD, path }, 'new', label);
  switch (mount.kind) {
    case 'tmpfs': {
      const size = mount.size === undefined ? [] : ([['size', `${mount.size}`]] as const);
      const options = [['mode', '1777'] as const, ...size];
      const attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
      return [
        ...newMount({ type: 'tmpfs', options, attributes }, 'new', label),
        ...attachAt(at, 'directory', label),
      ];
    }
    case 'cache': {
      const attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (mount.readonly ? MOUNT_ATTR_RDONLY : 0);
      return [
        ...(mount.path === undefined || mount.path === ''
          ? clone(mount.source)
          : cloneInside(mount.source, mount.path, label)),
        setAttributes('new', attributes, label),
        ...attachAt(at, 'directory', label),
      ];
    }
    case 'bind': {
      const kind = isDirectory ? 'directory' : 'file';
      const attributes = MOUNT_ATTR_NODEV | (mount.writable ? 0 : MOUNT_ATTR_RDONLY);
      const source = mount.writable
        ? discardingMount({ ...splitSource(mount.source), trusted, place })
        : clone(mount.source);
      return [...source, setAttributes('new', attributes, label), ...attachAt(at, kind, label)];
    }
    case 'device':
      return [...showDevice(mount, { spec, host, place }), ...attachAt(at, 'file', label)];
    case 'host':
      return [...showHost(mount, label), ...attachAt(at, isDirectory ? 'directory' : 'file', label)];
    case 'view': {
      const attributes = MOUNT_ATTR_NODEV | (mount.writable ? 0 : MOUNT_ATTR_RDONLY);
      const lowers = mount.lowers.map(({ path }) => path).reverse();
      return [
        ...discardingMount({ lowers, path: mount.path, trusted, place }),
        setAttributes('new', attributes, label),
        ...attachAt(at, isDirectory ? 'directory' : 'file', label),
      ];
    }
    default:
      return [];
  }
}

/** Label of what fails when a mount's source is not there, or a link stands on the way to it. */
export const findSource = 'find the source of';

/** A folder below another one, whoever may exchange what leads there for a link meanwhile (CVE-2024-23651). */
function cloneInside(directory: string, path: string, label: string): Operation[] {
  return [
    {
      call: 'openat',
      args: [linux.AT_FDCWD, directory, linux.O_PATH | linux.O_CLOEXEC],
      result: { slot: 'outside' },
      label,
    },
    openBelow(valueOf('outside'), path, 'opened', `${findSource} ${label.replace(/^mount /, '')}`),
    ...cloneOpened('opened', 'new', label),
    { call: 'close', args: [valueOf('opened')] },
    { call: 'close', args: [valueOf('outside')] },
  ];
}

/** Shown through an overlay of its directory: an overlay's own root has the metadata of its upper. */
function splitSource(source: string): { readonly lowers: readonly string[]; readonly path: string } {
  const slash = source.lastIndexOf('/');
  return { lowers: [source.slice(0, slash) || '/'], path: source.slice(slash + 1) };
}

/** Descriptors of the directories of a view, named in the mount options; those of the root are no longer needed. */
const firstViewFd = 64;

/**
 * A view of host directories, topmost first, or of a path of theirs: an overlay whose upper lies in memory, so that
 * changes are lost with the sandbox. Leaves the detached mount in `new`.
 */
function discardingMount(from: {
  readonly lowers: readonly string[];
  readonly path: string;
  readonly trusted: boolean;
  /** Host path of a directory that is made. */
  readonly place: string;
}): Operation[] {
  const label = 'mount a view';
  const { place } = from;
  const AT = linux.AT_FDCWD;
  const directory = (path: string, mode: number): Operation => ({
    call: 'mkdirat',
    args: [AT, path, mode],
    label,
  });
  const lowers = from.lowers.length === 0 ? [`${place}/empty`] : from.lowers;
  const all = [...lowers, `${place}/upper`, `${place}/work`];
  const fd = (index: number): number => firstViewFd + index;
  const options = [
    `lowerdir=${lowers.map((_, index) => fd(index)).join(':')}`,
    `upperdir=${fd(lowers.length)},workdir=${fd(lowers.length + 1)}`,
    overlayOptions(from.trusted),
  ].join(',');
  return [
    directory(place, 0o700),
    // Changes go to a file system of their own: the one for secrets is small.
    ...newMount({ type: 'tmpfs', options: [['mode', '700']], attributes: inert }, 'new', label),
    { call: 'openat', args: [AT, place, linux.O_PATH | linux.O_CLOEXEC], result: { slot: 'target' }, label },
    ...attachTo('new', 'target', label),
    ...['upper', 'work', 'view', ...(from.lowers.length === 0 ? ['empty'] : [])].map((name) =>
      directory(`${place}/${name}`, 0o755),
    ),
    ...all.flatMap((path, index) => openAs(path, fd(index), label)),
    { call: 'chdir', args: ['/proc/self/fd'], label },
    { call: 'mount', args: ['overlay', `${place}/view`, 'overlay', linux.MS_NODEV, options], label },
    { call: 'chdir', args: ['/'] },
    { call: 'close_range', args: [firstViewFd, fd(all.length - 1), 0], label },
    ...(from.path === ''
      ? cloneMount({ directory: AT, path: `${place}/view` }, 'new', label)
      : cloneInside(`${place}/view`, from.path, label)),
  ];
}

function openAs(path: string, fd: number, label: string): Operation[] {
  const flags = linux.O_PATH | linux.O_CLOEXEC;
  return [
    { call: 'openat', args: [linux.AT_FDCWD, path, flags], result: { slot: 'opened' }, label },
    { call: 'dup3', args: [valueOf('opened'), fd, linux.O_CLOEXEC], label },
    { call: 'close', args: [valueOf('opened')] },
  ];
}

/** Attaches the detached mount in `new`; what is missing inside another mount is made there first. */
function attachAt({ path, inside }: MountPoint, kind: 'directory' | 'file', label: string): Operation[] {
  const names = path.split('/');
  const made = inside.flatMap((name, index): Operation[] => {
    const parent = names.slice(0, names.length - inside.length + index).join('/');
    const last = index === inside.length - 1;
    const make: Operation =
      last && kind === 'file'
        ? { call: 'mknodat', args: [valueOf('parent'), name, linux.S_IFREG | 0o644, 0], tolerate: 'any' }
        : { call: 'mkdirat', args: [valueOf('parent'), name, 0o755], tolerate: 'any' };
    return [openBelow(root, parent, 'parent', label), make, { call: 'close', args: [valueOf('parent')] }];
  });
  return [...made, openBelow(root, path, 'target', label), ...attachTo('new', 'target', label)];
}
