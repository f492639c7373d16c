/**
 * Numbers of the system calls that programs make, per architecture (linux: arch/x86/entry/syscalls/syscall_64.tbl,
 * include/uapi/asm-generic/unistd.h). Calls that arm64 lacks (open, mknod, chmod, dup2…) are not used.
 */
import type { Arch } from './player-elf.js';

const numbers = {
  read: [0, 63],
  write: [1, 64],
  close: [3, 57],
  fcntl: [72, 25],
  ioctl: [16, 29],
  socket: [41, 198],
  clone: [56, 220],
  exit_group: [231, 94],
  flock: [73, 32],
  getcwd: [79, 17],
  chdir: [80, 49],
  fchdir: [81, 50],
  umask: [95, 166],
  capset: [126, 91],
  pivot_root: [155, 41],
  prctl: [157, 167],
  setsid: [112, 157],
  setgroups: [116, 159],
  setresuid: [117, 147],
  setresgid: [119, 149],
  mount: [165, 40],
  umount2: [166, 39],
  setns: [308, 268],
  sethostname: [170, 161],
  setdomainname: [171, 162],
  lsetxattr: [189, 6],
  lgetxattr: [192, 9],
  llistxattr: [195, 12],
  keyctl: [250, 219],
  openat: [257, 56],
  mkdirat: [258, 34],
  mknodat: [259, 33],
  fchownat: [260, 54],
  fchown: [93, 55],
  linkat: [265, 37],
  rt_sigprocmask: [14, 135],
  renameat2: [316, 276],
  symlinkat: [266, 36],
  readlinkat: [267, 78],
  fchmodat: [268, 53],
  faccessat: [269, 48],
  unshare: [272, 97],
  utimensat: [280, 88],
  dup3: [292, 24],
  pipe2: [293, 59],
  prlimit64: [302, 261],
  syncfs: [306, 267],
  seccomp: [317, 277],
  memfd_create: [319, 279],
  execveat: [322, 281],
  execve: [59, 221],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  close_range: [436, 436],
  openat2: [437, 437],
  mount_setattr: [442, 442],
  landlock_create_ruleset: [444, 444],
  landlock_add_rule: [445, 445],
  landlock_restrict_self: [446, 446],
  chroot: [161, 51],
  ppoll: [271, 73],
} as const satisfies Record<string, readonly [x64: number, arm64: number]>;

export type SyscallName = keyof typeof numbers;

export function syscallNumber(name: SyscallName, arch: Arch): number {
  const [x64, arm64] = numbers[name];
  return arch === 'x64' ? x64 : arm64;
}

/** All names with their numbers, for the test that compares them with the kernel's table. */
export function syscallNumbers(arch: Arch): ReadonlyMap<string, number> {
  return new Map(Object.entries(numbers).map(([name, [x64, arm64]]) => [name, arch === 'x64' ? x64 : arm64]));
}
