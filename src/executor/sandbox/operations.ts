/** Small programs that sandbox programs are made of. Pure. */
import { linux } from '../linux.js';
import { addressOf, valueOf, type Argument, type Operation } from '../../sys/program.js';

/** A file system to be mounted: its kernel name, options with a value, flags, and attributes of the mount. */
export interface Mount {
  readonly type: string;
  readonly options?: readonly (readonly [key: string, value: string])[];
  readonly flags?: readonly string[];
  /** Options that older kernels lack. */
  readonly optionalFlags?: readonly string[];
  /** MOUNT_ATTR_* bits. */
  readonly attributes: number;
}

/** Makes a detached mount of a new file system, leaving its descriptor in `slot`. */
export function newMount(mount: Mount, slot: string, label: string): Operation[] {
  const fs = valueOf('fs');
  const set = (command: number, key: Argument, value: Argument): Operation => {
    return { call: 'fsconfig', args: [fs, command, key, value, 0], label };
  };
  return [
    { call: 'fsopen', args: [mount.type, 1], result: { slot: 'fs' }, label },
    set(linux.FSCONFIG_SET_STRING, 'source', mount.type), // what /proc/mounts shows first
    ...(mount.options ?? []).map(([key, value]) => set(linux.FSCONFIG_SET_STRING, key, value)),
    ...(mount.flags ?? []).map((key) => set(linux.FSCONFIG_SET_FLAG, key, 0)),
    ...(mount.optionalFlags ?? []).map((key): Operation => ({
      ...set(linux.FSCONFIG_SET_FLAG, key, 0),
      tolerate: linux.EINVAL,
    })),
    set(linux.FSCONFIG_CMD_CREATE, 0, 0),
    { call: 'fsmount', args: [fs, linux.FSMOUNT_CLOEXEC, mount.attributes], result: { slot }, label },
    { call: 'close', args: [fs] },
  ];
}

/**
 * Makes a detached copy of the mount at a path of `directory`, which must be no link, leaving its descriptor in `slot`.
 * When `recursive`, with the mounts below it.
 */
export function cloneMount(
  from: { readonly directory: Argument; readonly path: string; readonly recursive?: boolean },
  slot: string,
  label: string,
): Operation[] {
  const below = from.recursive === true ? linux.AT_RECURSIVE : 0;
  const flags = linux.OPEN_TREE_CLONE | linux.O_CLOEXEC | linux.AT_SYMLINK_NOFOLLOW | below;
  return [{ call: 'open_tree', args: [from.directory, from.path, flags], result: { slot }, label }];
}

/** The same for what the descriptor in `from` names. */
export function cloneOpened(from: string, slot: string, label: string): Operation[] {
  const flags = linux.OPEN_TREE_CLONE | linux.O_CLOEXEC | linux.AT_EMPTY_PATH;
  return [{ call: 'open_tree', args: [valueOf(from), '', flags], result: { slot }, label }];
}

/** Sets MOUNT_ATTR_* bits on a detached mount. */
export function setAttributes(slot: string, attributes: number, label: string): Operation {
  const change = { words: [attributes, 0, 0, 0] };
  return { call: 'mount_setattr', args: [valueOf(slot), '', linux.AT_EMPTY_PATH, change, 32], label };
}

/**
 * Opens a path below `directory` without following any link and without leaving it, so that a name that the image
 * planted cannot lead elsewhere.
 */
export function openBelow(directory: Argument, path: string, slot: string, label: string): Operation {
  const resolve = linux.RESOLVE_BENEATH | linux.RESOLVE_NO_SYMLINKS | linux.RESOLVE_NO_MAGICLINKS;
  const how = { words: [linux.O_PATH | linux.O_CLOEXEC, 0, resolve] };
  return { call: 'openat2', args: [directory, path, how, 24], result: { slot }, label };
}

/** Attaches the detached mount of `slot` to a path below `directory`, and closes its descriptor. */
export function attach(slot: string, directory: Argument, path: string, label: string): Operation[] {
  return [openBelow(directory, path, 'target', label), ...attachTo(slot, 'target', label)];
}

/** Attaches the detached mount of `slot` to what the descriptor in `target` names, and closes both. */
export function attachTo(slot: string, target: string, label: string): Operation[] {
  const flags = linux.MOVE_MOUNT_F_EMPTY_PATH | linux.MOVE_MOUNT_T_EMPTY_PATH;
  return [
    { call: 'move_mount', args: [valueOf(slot), '', valueOf(target), '', flags], label },
    { call: 'close', args: [valueOf(slot)] },
    { call: 'close', args: [valueOf(target)] },
  ];
}

/** Operations that are given up together at the first failure of any. At most 16. */
export function optional(operations: readonly Operation[]): Operation[] {
  return operations.map((operation, index) => ({
    ...operation,
    tolerate: 'any',
    skip: operations.length - 1 - index,
  }));
}

/** Writes a file at a path of `directory`, which must not exist yet. */
export function writeFile(
  file: { readonly directory: Argument; readonly path: string; readonly bytes: Uint8Array },
  label: string,
): Operation[] {
  const flags = linux.O_WRONLY | linux.O_CREAT | linux.O_EXCL | linux.O_CLOEXEC;
  const descriptor = valueOf('file');
  const write: Operation = { call: 'write', args: [descriptor, file.bytes, file.bytes.length], label };
  return [
    { call: 'openat', args: [file.directory, file.path, flags, 0o600], result: { slot: 'file' }, label },
    ...(file.bytes.length > 0 ? [write] : []),
    { call: 'close', args: [descriptor] },
  ];
}

/** Reports two words on fd 4: a tag, which must be below -1, and 8 bytes of a slot. */
export function report(tag: bigint, slot: string, offset = 0): Operation[] {
  const tagBytes = new Uint8Array(new BigInt64Array([tag]).buffer);
  return [
    { call: 'write', args: [4, tagBytes, 8] },
    { call: 'write', args: [4, addressOf(slot, offset), 8] },
  ];
}
