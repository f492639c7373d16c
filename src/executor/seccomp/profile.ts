/**
 * Which system calls a step may make: the rules of Docker's default profile (moby/profiles, seccomp/default) for the
 * 14 capabilities that a step has. What is not named fails with EPERM.
 */

/** Allowed whatever their arguments. Names that an architecture lacks are passed over. */
export const allowed: readonly string[] = `
  _llseek _newselect accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown
  chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
  clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 dup3
  epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old
  eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate
  fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr
  flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate
  ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake futimesat get_robust_list
  get_thread_area getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32
  getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid
  getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday
  getuid getuid32 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch
  io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl ioprio_get
  ioprio_set ipc kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32
  lgetxattr link linkat listen listmount listxattr listxattrat llistxattr lremovexattr lseek lsetxattr lstat
  lstat64 madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat
  mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive
  mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv msgsnd
  msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat open openat openat2 pause
  pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl
  pread64 preadv preadv2 prlimit64 process_mrelease pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read
  readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages
  removexattr removexattrat rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending
  rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64
  rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr
  sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity
  sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop
  semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list set_thread_area
  set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer
  setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32
  setrlimit setsid setsockopt setuid setuid32 setxattr setxattrat shmat shmctl shmdt shmget shutdown
  sigaltstack signalfd signalfd4 sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs
  statfs64 statmount statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time
  timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
  timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate
  truncate64 ugetrlimit umask uname unlink unlinkat uretprobe utime utimensat utimensat_time64 utimes vfork
  vmsplice wait4 waitid waitpid write writev
  process_vm_readv process_vm_writev ptrace chroot
`
  .trim()
  .split(/\s+/);

/** Allowed besides on one family of architectures, in its 64-bit and its 32-bit table. */
export const allowedOn = {
  x86: ['arch_prctl', 'modify_ldt'],
  arm: ['arm_fadvise64_64', 'sync_file_range2', 'breakpoint', 'cacheflush', 'set_tls'],
} as const;

/** What becomes of a call whose number has a rule. Those with values look at the low 32 bits of the first argument. */
export type Rule =
  /** Fails with this errno. */
  | { readonly kind: 'errno'; readonly errno: number }
  /** Allowed when none of these bits is set. */
  | { readonly kind: 'without'; readonly bits: number }
  | { readonly kind: 'among'; readonly values: readonly number[] }
  | { readonly kind: 'except'; readonly values: readonly number[] }
  /** Succeeds without doing anything when this argument, a mode, is that of a device. */
  | { readonly kind: 'nodes'; readonly argument: number };

const ENOSYS = 38;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
const namespaceFlags = 0x7e020000;
const [AF_ALG, AF_VSOCK] = [38, 40];
const [PER_LINUX32, UNAME26, queryOnly] = [0x8, 0x20000, 0xffffffff];

const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['clone', { kind: 'without', bits: namespaceFlags }],
  ['clone3', { kind: 'errno', errno: ENOSYS }], // its flags are in memory: libc falls back to clone
  ['personality', { kind: 'among', values: [0, PER_LINUX32, UNAME26, UNAME26 | PER_LINUX32, queryOnly] }],
  ['socket', { kind: 'except', values: [AF_ALG, AF_VSOCK] }],
]);

/** Which users exist where the filter is used: any, or one alone. */
export type IdScope = 'all-ids' | 'single-id';

/** `return 0` in place of the call: SECCOMP_RET_ERRNO with no error. */
const accepted: Rule = { kind: 'errno', errno: 0 };

/** Where one id is all there is, what needs another one is accepted without effect, as package managers insist on it. */
const ownership: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...`chown chown32 lchown lchown32 fchown fchown32 fchownat setgroups setgroups32
      setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32
      setresuid setresuid32 setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32`
    .split(/\s+/)
    .map((name) => [name, accepted] as const),
  ['mknod', { kind: 'nodes', argument: 1 }],
  ['mknodat', { kind: 'nodes', argument: 2 }],
]);

/** The rules by name; they win over the list of allowed calls. */
export function rulesFor(scope: IdScope): ReadonlyMap<string, Rule> {
  return scope === 'single-id' ? new Map([...rules, ...ownership]) : rules;
}
