/** Capabilities by their numbers (linux/capability.h). A set is a bigint with bit n for capability n. */
const numbers = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  FOWNER: 3,
  FSETID: 4,
  KILL: 5,
  SETGID: 6,
  SETUID: 7,
  SETPCAP: 8,
  NET_BIND_SERVICE: 10,
  NET_RAW: 13,
  SYS_CHROOT: 18,
  MKNOD: 27,
  AUDIT_WRITE: 29,
  SETFCAP: 31,
} as const;

/** The 14 capabilities that Docker and BuildKit give a container: 0xa80425fb. */
export const defaultCapabilities: bigint = Object.values(numbers).reduce(
  (set, bit) => set | (1n << BigInt(bit)),
  0n,
);

export function hasCapability(set: bigint, number: number): boolean {
  return ((set >> BigInt(number)) & 1n) === 1n;
}
