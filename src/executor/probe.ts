/** What a mode needs of the kernel, tried out. */
import { isOverlay } from '../layers/own-namespace.js';
import { play } from '../sys/player.js';
import { hasTrustedXattrs, readPrivileges, type Privileges } from '../sys/privileges.js';
import type { Operation } from '../sys/program.js';
import { linux } from './linux.js';
import type { NamespaceKind } from './present-mode.js';
import { fork } from './sandbox/namespaces.js';
import { inert } from './sandbox/base-mounts.js';
import { attachTo, cloneMount, newMount, setAttributes } from './sandbox/operations.js';
import { overlayOptions } from './sandbox/root.js';
import { planIds, playInNamespace } from './user-namespace.js';

/**
 * Namespaces, an overlay in `directory` (which holds `lower`, `upper`, `work` and `root`), /proc of a new PID namespace,
 * mounts by descriptor and the host name: each thing that an outer container may keep from a step.
 */
export function probeOperations(directory: string, trusted: boolean): Operation[] {
  const { CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP } = linux;
  const flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  const options = `lowerdir=lower,upperdir=upper,workdir=work,${overlayOptions(trusted)}`;
  const overlay: Operation = {
    call: 'mount',
    args: ['overlay', 'root', 'overlay', linux.MS_NODEV, options],
    label: 'mount an overlay',
  };
  return [
    { call: 'unshare', args: [flags], label: 'make namespaces' },
    { call: 'mount', args: [0, '/', 0, linux.MS_REC | linux.MS_PRIVATE, 0], label: 'make mounts private' },
    { call: 'chdir', args: [directory], label: 'enter the store' },
    // An overlay cannot hold the upper of another one: there steps have plain directories.
    ...(isOverlay(directory) ? [] : [overlay]),
    fork('start a process'),
    // Not before fsmount does the kernel look whether an outer container hides parts of /proc.
    ...newMount({ type: 'proc', attributes: inert }, 'new', 'mount /proc'),
    ...moveMounts,
    { call: 'sethostname', args: ['tsbuild', 7], label: 'set the host name' },
    { call: 'setdomainname', args: ['(none)', 6], label: 'set the host name' },
    { call: 'exit_group', args: [0] },
  ];
}

/** Attaches what `new` holds to a folder, and a copy of another one with other attributes. */
const moveMounts: readonly Operation[] = [
  ...attachNew('lower'),
  ...cloneMount({ directory: linux.AT_FDCWD, path: 'upper' }, 'new', 'move mounts'),
  setAttributes('new', inert, 'move mounts'),
  ...attachNew('work'),
];

function attachNew(folder: string): Operation[] {
  const label = 'move mounts';
  const flags = linux.O_PATH | linux.O_CLOEXEC;
  return [
    { call: 'openat', args: [linux.AT_FDCWD, folder, flags], result: { slot: 'target' }, label },
    ...attachTo('new', 'target', label),
  ];
}

/** Tries what a step needs as the present user. Throws PlayerError. */
export async function probeHere(directory: string, privileges: Privileges = readPrivileges()): Promise<void> {
  await play({ operations: probeOperations(directory, hasTrustedXattrs(privileges)) });
}

/** Tries the same in a new user namespace. Throws PlayerError, and NamespaceError when there is none to be had. */
export async function probeNamespace(
  kind: NamespaceKind,
  directory: string,
  privileges: Privileges = readPrivileges(),
): Promise<void> {
  const mapIds = await planIds(kind, privileges);
  await playInNamespace({ mapIds, operations: probeOperations(directory, false) });
}
