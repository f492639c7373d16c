import { valueOf, type Operation } from '../../sys/program.js';
import { deviceNumber } from '../../sys/nodes.js';
import { linux } from '../linux.js';
import type { HostMountFlag, StepMount, User } from '../types.js';
import { attachTo, cloneMount, newMount, setAttributes } from './operations.js';
import type { SandboxPlan } from './plan.js';

const { AT_FDCWD, MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC } = linux;
const flagBits: Readonly<Record<HostMountFlag, number>> = {
  ro: MOUNT_ATTR_RDONLY,
  nosuid: MOUNT_ATTR_NOSUID,
  nodev: MOUNT_ATTR_NODEV,
  noexec: MOUNT_ATTR_NOEXEC,
};

type Of<K extends StepMount['kind']> = Extract<StepMount, { kind: K }>;

/** A path of the machine, detached, in `new`. As in the OCI runtime specification flags do not count for mounts below it. */
export function showHost({ source, recursive, flags }: Of<'host'>, label: string): Operation[] {
  const attributes = flags.reduce((bits, flag) => bits | flagBits[flag], 0);
  return [
    ...cloneMount({ directory: AT_FDCWD, path: source, recursive }, 'new', label),
    setAttributes('new', attributes, label),
  ];
}

/**
 * A device node, detached, in `new`. One of its own lies on a file system that the step does not see and that is not
 * nodev: no other can be made there. Where none can be made it is the machine's: in a user namespace, and in a container
 * that may only open its devices.
 */
export function showDevice(
  device: Of<'device'>,
  { spec, host, place }: Pick<SandboxPlan, 'spec' | 'host'> & { readonly place: string },
): Operation[] {
  const label = `mount ${device.target}`;
  const machines = cloneMount({ directory: AT_FDCWD, path: device.source }, 'new', label);
  const { user } = spec.process;
  return [
    ...(host.initial
      ? [...makePlace(place, label), ...machines, ...replaceByOwn(device, { place, user, label })]
      : machines),
    setAttributes('new', MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, label),
  ];
}

function makePlace(place: string, label: string): Operation[] {
  const attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  return [
    { call: 'mkdirat', args: [AT_FDCWD, place, 0o700], label },
    ...newMount({ type: 'tmpfs', options: [['mode', '700']], attributes }, 'new', label),
    {
      call: 'openat',
      args: [AT_FDCWD, place, linux.O_PATH | linux.O_CLOEXEC],
      result: { slot: 'target' },
      label,
    },
    ...attachTo('new', 'target', label),
  ];
}

interface OwnNode {
  readonly place: string;
  readonly user: Pick<User, 'uid' | 'gid'>;
  readonly label: string;
}

function replaceByOwn(
  { mode, major, minor, uid, gid }: Of<'device'>,
  { place, user, label }: OwnNode,
): Operation[] {
  const node = `${place}/node`;
  const made: Operation[] = [
    { call: 'fchownat', args: [AT_FDCWD, node, uid ?? user.uid, gid ?? user.gid, 0], label },
    { call: 'fchmodat', args: [AT_FDCWD, node, mode & 0o7777], label },
    { call: 'close', args: [valueOf('new')] },
    ...cloneMount({ directory: AT_FDCWD, path: node }, 'new', label),
  ];
  const make: Operation = {
    call: 'mknodat',
    args: [AT_FDCWD, node, mode, deviceNumber(major, minor)],
    tolerate: linux.EPERM,
    skip: made.length,
    label,
  };
  return [make, ...made];
}
