import fc from 'fast-check';
import test from 'ava';
import { assembleFilter } from '../../src/executor/seccomp/bpf.js';
import { abis, seccompFilter, verdictRanges, type Abi } from '../../src/executor/seccomp/filter.js';
import { parseNumbers } from '../../src/executor/seccomp/numbers.js';

const [allow, eperm, enosys, kill] = [0x7fff0000, 0x00050001, 0x00050026, 0x80000000];

/** What the kernel's interpreter makes of a filter (a subset of classic BPF). */
function verdict(filter: Uint8Array, call: { arch: number; number: number; argument?: bigint }): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call.number >>> 0, 0);
  data.writeUInt32LE(call.arch >>> 0, 4);
  data.writeBigUInt64LE(call.argument ?? 0n, 16);
  const code = Buffer.from(filter.buffer, filter.byteOffset, filter.length);
  let accumulator = 0;
  for (let at = 0; ; at++) {
    const [op, yes, no, k] = [
      code.readUInt16LE(at * 8),
      code.readUInt8(at * 8 + 2),
      code.readUInt8(at * 8 + 3),
      code.readUInt32LE(at * 8 + 4),
    ];
    if (op === 0x20) accumulator = data.readUInt32LE(k);
    else if (op === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (op === 0x05) at += k;
    else if (op === 0x06) return k;
    else
      at += (op === 0x15 ? accumulator === k : op === 0x35 ? accumulator >= k : accumulator > k) ? yes : no;
  }
}

/** x86-64 calls that a step may not make. Everything else that the table names is allowed, for some arguments at least. */
const deniedX8664 = `
  syslog uselib ustat sysfs vhangup pivot_root _sysctl acct settimeofday mount umount2 swapon swapoff reboot sethostname
  setdomainname iopl ioperm create_module init_module delete_module get_kernel_syms query_module quotactl nfsservctl
  getpmsg putpmsg afs_syscall tuxcall security lookup_dcookie clock_settime vserver mbind set_mempolicy get_mempolicy
  kexec_load add_key request_key keyctl migrate_pages unshare move_pages perf_event_open fanotify_init
  open_by_handle_at setns kcmp finit_module kexec_file_load bpf userfaultfd io_uring_setup io_uring_enter
  io_uring_register open_tree move_mount fsopen fsconfig fsmount fspick pidfd_getfd process_madvise mount_setattr
  quotactl_fd set_mempolicy_home_node lsm_get_self_attr lsm_set_self_attr lsm_list_modules
`
  .trim()
  .split(/\s+/);

test('x86-64: exactly these calls are denied', (t) => {
  const [abi] = abis.x64;
  if (abi === undefined) return t.fail();
  const filter = seccompFilter('x64', 'all-ids');
  const denied = [...abi.numbers].filter(
    ([, number]) => verdict(filter, { arch: abi.auditArch, number }) === eperm,
  );
  t.deepEqual(new Set(denied.map(([name]) => name)), new Set(deniedX8664));
});

const everyAbi = Object.entries(abis).flatMap(([arch, list]) =>
  list.map((abi) => ({ arch: arch as keyof typeof abis, abi })),
);

for (const { arch, abi } of everyAbi) {
  const name = `${arch}, ABI ${abi.auditArch.toString(16)}`;
  const call = (known: string): number => abi.numbers.get(known) ?? -1;
  const filter = seccompFilter(arch, 'all-ids');
  const of = (number: number, argument = 0n): number =>
    verdict(filter, { arch: abi.auditArch, number, argument });

  test(`${name}: the search finds the verdict of every range at its borders`, (t) => {
    const ranges = verdictRanges(abi);
    const simple = { allow, eperm, enosys } as const;
    ranges.forEach(({ from, verdict: expected }, index) => {
      if (typeof expected !== 'string') return;
      t.is(of(from), simple[expected], `${from}`);
      const next = ranges[index + 1];
      if (next) t.is(of(next.from - 1), simple[expected], `${next.from - 1}`);
    });
    t.true(ranges.length > 50);
  });

  test(`${name}: numbers above the known ones, x32 numbers among them, do not exist`, (t) => {
    for (const number of [467, 468, 1000, 0x40000000, 0x40000027, 0xffffffff])
      t.is(of(number), enosys, `${number}`);
  });

  test(`${name}: clone is allowed without namespaces, clone3 does not exist`, (t) => {
    t.is(of(call('clone'), 0x11n), allow);
    for (const flag of [
      0x00020000n,
      0x02000000n,
      0x04000000n,
      0x08000000n,
      0x10000000n,
      0x20000000n,
      0x40000000n,
    ]) {
      t.is(of(call('clone'), flag | 0x11n), eperm, `${flag}`);
    }
    t.is(of(call('clone3')), enosys);
  });

  test(`${name}: personality knows five values`, (t) => {
    for (const value of [0n, 8n, 0x20000n, 0x20008n, 0xffffffffn])
      t.is(of(call('personality'), value), allow);
    for (const value of [1n, 0x40000n, 0x40000000n, 0xfffffffen]) t.is(of(call('personality'), value), eperm);
  });

  test(`${name}: sockets of all families but AF_ALG and AF_VSOCK`, (t) => {
    for (const family of [1n, 2n, 10n, 16n, 17n, 37n, 39n, 41n]) t.is(of(call('socket'), family), allow);
    for (const family of [38n, 40n, (1n << 32n) | 38n]) t.is(of(call('socket'), family), eperm);
  });

  test(`${name}: chroot, ptrace and what programs need are allowed, what changes the host is not`, (t) => {
    for (const known of ['chroot', 'ptrace', 'execve', 'openat', 'futex', 'mknodat', 'statx'])
      t.is(of(call(known)), allow, known);
    for (const known of ['mount', 'setns', 'unshare', 'bpf', 'keyctl', 'reboot', 'init_module'])
      t.is(of(call(known)), eperm, known);
  });
}

test('calls of an architecture that the machine does not have kill the process', (t) => {
  t.is(verdict(seccompFilter('x64', 'all-ids'), { arch: 0xc00000b7, number: 0 }), kill);
  t.is(verdict(seccompFilter('arm64', 'all-ids'), { arch: 0xc000003e, number: 0 }), kill);
});

test('filters stay far below the kernel limit of 4096 instructions', (t) => {
  t.true(seccompFilter('x64', 'all-ids').length / 8 < 1024);
  t.true(seccompFilter('arm64', 'all-ids').length / 8 < 1024);
});

test('every verdict agrees with the ranges, for any number', (t) => {
  const [abi] = abis.x64;
  if (abi === undefined) return t.fail();
  const filter = seccompFilter('x64', 'all-ids');
  const ranges = verdictRanges(abi);
  fc.assert(
    fc.property(fc.nat(600), (number) => {
      const expected = ranges.findLast(({ from }) => from <= number)?.verdict;
      if (expected === undefined || typeof expected !== 'string') return;
      t.is(verdict(filter, { arch: abi.auditArch, number }), { allow, eperm, enosys }[expected]);
    }),
  );
  t.pass();
});

test('a table of numbers: names in order, jumps by number', (t) => {
  t.deepEqual(
    [...parseNumbers('\n read write 7:open\n close ')],
    [
      ['read', 0],
      ['write', 1],
      ['open', 7],
      ['close', 8],
    ],
  );
});

test('labels that are absent or behind are errors', (t) => {
  t.throws(() => assembleFilter([{ op: 'jump', to: 'absent' }]), { instanceOf: RangeError });
  t.throws(
    () =>
      assembleFilter([
        { op: 'return', value: 0, label: 'behind' },
        { op: 'jump', to: 'behind' },
      ]),
    { instanceOf: RangeError },
  );
});

test('an Abi is a value that others can be made of', (t) => {
  const tiny: Abi = { auditArch: 1, numbers: new Map([['read', 3]]), family: 'x86' };
  t.deepEqual(verdictRanges(tiny), [
    { from: 0, verdict: 'eperm' },
    { from: 3, verdict: 'allow' },
    { from: 4, verdict: 'enosys' },
  ]);
});
