/** What this process may do, as the kernel tells it. */
import { readFileSync, readlinkSync } from 'node:fs';

export interface Privileges {
  /** Effective. */
  readonly uid: number;
  readonly gid: number;
  /** Effective capabilities: bit n for capability n (linux/capability.h). */
  readonly capabilities: bigint;
  /** Whether the user namespace is the machine's own. */
  readonly initial: boolean;
  /** Ids that the user namespace maps, as [first inside, count]. */
  readonly users: readonly IdRange[];
  readonly groups: readonly IdRange[];
}

export type IdRange = readonly [first: number, count: number];

/** Numbers of linux/capability.h. */
export const capability = { SETGID: 6, SETUID: 7, SYS_CHROOT: 18, SYS_ADMIN: 21, MKNOD: 27 } as const;

/** The inode of the first user namespace is the same on every machine (linux/proc_ns.h, PROC_USER_INIT_INO). */
const initialNamespace = 'user:[4026531837]';

/** Reads /proc; not kept, as tests change it. */
export function readPrivileges(): Privileges {
  const status = readFileSync('/proc/self/status', 'latin1');
  return {
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    capabilities: BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`),
    initial: readlinkSync('/proc/self/ns/user') === initialNamespace,
    users: rangesOf('/proc/self/uid_map'),
    groups: rangesOf('/proc/self/gid_map'),
  };
}

export function may(privileges: Privileges, number: number): boolean {
  return ((privileges.capabilities >> BigInt(number)) & 1n) === 1n;
}

/** How many ids a namespace maps. */
export function idCount(ranges: readonly IdRange[]): number {
  return ranges.reduce((sum, [, count]) => sum + count, 0);
}

/** Whether attributes of `trusted.` can be set: only the machine's own root may, in no other user namespace. */
export function hasTrustedXattrs(privileges: Privileges): boolean {
  return privileges.initial && privileges.uid === 0 && may(privileges, capability.SYS_ADMIN);
}

function rangesOf(path: string): IdRange[] {
  const lines = readFileSync(path, 'latin1').trim().split('\n');
  return lines.map((line) => {
    const [first = '0', , count = '0'] = line.trim().split(/\s+/);
    return [Number(first), Number(count)];
  });
}
