import { attributeOperations } from '../../sys/attributes.js';
import { valueOf, type Operation } from '../../sys/program.js';
import { linux } from '../linux.js';
import { attachTo, cloneMount, setAttributes } from './operations.js';
import type { SandboxPlan } from './plan.js';

/** Descriptors of the lower directories: named in the mount options, so that any number of long paths fits. */
const firstLowerFd = 64;
/** Where overlayfs stops (fs/overlayfs, OVL_MAX_STACK). */
export const maximumLowers = 500;

/**
 * Mounts the root: an overlay of the image's layers, the init layer and the upper. Layers are opened once and then
 * named by their descriptors relative to /proc/self/fd, which also keeps commas and colons out of the options.
 */
export function mountRoot(plan: SandboxPlan): Operation[] {
  const { spec, host, paths, attributes, plainRoot } = plan;
  const label = 'mount the root';
  if (plainRoot !== undefined) return bindRoot(plainRoot, plan);
  const lowers = [paths.init, ...spec.lowers.map(({ path }) => path).reverse()];
  const directories = [...lowers, paths.upper, paths.work];
  const fd = (index: number): number => firstLowerFd + index;
  const options = [
    `lowerdir=${lowers.map((_, index) => fd(index)).join(':')}`,
    `upperdir=${fd(lowers.length)}`,
    `workdir=${fd(lowers.length + 1)}`,
    overlayOptions(host.trusted),
  ].join(',');
  const flags = spec.security === 'sandbox' ? linux.MS_NODEV : 0;
  return [
    ...attributes
      .flatMap((change) => attributeOperations(change, 'directory'))
      .map((operation) => ({ ...operation, label })),
    ...directories.flatMap((path, index) => openDirectory(path, fd(index))),
    { call: 'openat', args: [linux.AT_FDCWD, paths.root, openFlags], result: { slot: 'opened' }, label },
    { call: 'dup3', args: [valueOf('opened'), fd(directories.length), linux.O_CLOEXEC], label },
    { call: 'chdir', args: ['/proc/self/fd'], label },
    { call: 'mount', args: ['overlay', `${fd(directories.length)}`, 'overlay', flags, options], label },
    { call: 'chdir', args: ['/'] },
    { call: 'openat', args: [linux.AT_FDCWD, paths.root, openFlags], result: { slot: 'root' }, label },
  ];
}

/**
 * A layer may carry forged attributes: links to other files by redirect or metacopy are not followed. Nobody needs
 * what a step wrote before it has ended, so that fsync in it is free (`volatile`); publishing syncs. Attributes of
 * overlayfs itself are `trusted.`, or `user.` where those cannot be set.
 */
export function overlayOptions(trusted: boolean): string {
  return `redirect_dir=nofollow,metacopy=off,index=off,xino=off,volatile${trusted ? '' : ',userxattr'}`;
}

/** A root that is a directory: bound to its place without its devices. */
function bindRoot(plainRoot: string, { spec, paths }: SandboxPlan): Operation[] {
  const label = 'mount the root';
  const AT = linux.AT_FDCWD;
  return [
    ...cloneMount({ directory: AT, path: plainRoot }, 'new', label),
    ...(spec.security === 'sandbox' ? [setAttributes('new', linux.MOUNT_ATTR_NODEV, label)] : []),
    { call: 'openat', args: [AT, paths.root, openFlags], result: { slot: 'target' }, label },
    ...attachTo('new', 'target', label),
    { call: 'openat', args: [AT, paths.root, openFlags], result: { slot: 'root' }, label },
  ];
}

const openFlags = linux.O_PATH | linux.O_CLOEXEC;

function openDirectory(path: string, fd: number): Operation[] {
  const label = 'open a layer';
  return [
    { call: 'openat', args: [linux.AT_FDCWD, path, openFlags], result: { slot: 'opened' }, label },
    { call: 'dup3', args: [valueOf('opened'), fd, linux.O_CLOEXEC], label },
    { call: 'close', args: [valueOf('opened')] },
  ];
}
