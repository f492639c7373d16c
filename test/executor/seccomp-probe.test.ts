/** Every number above zero that is denied is tried inside a sandbox; what is allowed cannot be tried blindly. */
import { join } from 'node:path';
import test from 'ava';
import { abis, verdictRanges, type Verdict } from '../../src/executor/seccomp/filter.js';
import { testWhere, type Declare } from '../helpers/modes.js';
import { Bench, compileStatic, mode, sandboxTest } from './busybox-root.js';

const bench = new Bench();
test.after.always(() => bench.close());

const numbers = process.arch === 'x64' || process.arch === 'arm64' ? abis[process.arch] : [];

function deniedNumbers(index: number): { number: number; errno: number }[] {
  const abi = numbers[index];
  if (abi === undefined) return [];
  const ranges = verdictRanges(abi, mode === 'single-id' ? 'single-id' : 'all-ids');
  const verdictOf = (number: number): Verdict | undefined =>
    ranges.findLast(({ from }) => from <= number)?.verdict;
  return Array.from({ length: 480 }, (_, number) => number).flatMap((number) => {
    const verdict = verdictOf(number);
    if (verdict === 'eperm') return [{ number, errno: 1 }];
    return verdict === 'enosys' ? [{ number, errno: 38 }] : [];
  });
}

/** Calls each number given as an argument with arguments that no call can use, and prints its errno. */
const native = `
  #include <stdio.h>
  #include <stdlib.h>
  #include <errno.h>
  #include <unistd.h>
  #include <sys/syscall.h>
  int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
      errno = 0;
      syscall(strtoul(argv[i], 0, 10), -1L, -1L, -1L, -1L, -1L, -1L);
      printf("%s:%d\\n", argv[i], errno);
    }
    return 0;
  }`;

const compiled = compileStatic(native, join(bench.base, 'bin/probe'));
const it: Declare = compiled ? sandboxTest : test.skip;

/** Kernels that have uprobe (x86-64) let it pass every filter: it works from a trampoline of theirs only. */
const uprobe = 336;

it('SBX-05 each denied number fails in the sandbox as the table says', async (t) => {
  const denied = deniedNumbers(0).filter(({ number }) => number !== uprobe);
  t.true(denied.length > 50);
  const { stdout } = await bench.step(['/bin/probe', ...denied.map(({ number }) => `${number}`)]);
  t.deepEqual(
    stdout.trim().split('\n'),
    denied.map(({ number, errno }) => `${number}:${errno}`),
  );
});

it('SBX-05 a set of arguments decides about socket, personality and clone', async (t) => {
  const source = `
    #define _GNU_SOURCE
    #include <stdio.h>
    #include <errno.h>
    #include <sched.h>
    #include <signal.h>
    #include <unistd.h>
    #include <sys/personality.h>
    #include <sys/socket.h>
    #include <sys/syscall.h>
    #define TRY(name, call) do { errno = 0; long r = (call); printf("%s %s\\n", name, r >= 0 ? "ok" : errno == 1 ? "EPERM" : errno == 38 ? "ENOSYS" : "other"); fflush(stdout); } while (0)
    int main(void) {
      TRY("alg", socket(38, SOCK_SEQPACKET, 0));
      TRY("vsock", socket(40, SOCK_STREAM, 0));
      TRY("unix", socket(1, SOCK_STREAM, 0));
      TRY("inet", socket(2, SOCK_DGRAM, 0));
      TRY("query", personality(0xffffffff));
      TRY("randomize", personality(0x0040000));
      TRY("clone3", syscall(435, 0L, 0L));
      TRY("newuser", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0L, 0L, 0L, 0L));
      TRY("newns", syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, 0L, 0L, 0L, 0L));
      TRY("unknown", syscall(1000));
      return 0;
    }`;
  if (!compileStatic(source, join(bench.base, 'bin/arguments'))) return t.fail('the compiler failed');
  const { stdout } = await bench.step(['/bin/arguments']);
  t.deepEqual(stdout.trim().split('\n'), [
    'alg EPERM',
    'vsock EPERM',
    'unix ok',
    'inet ok',
    'query ok',
    'randomize EPERM',
    'clone3 ENOSYS',
    'newuser EPERM',
    'newns EPERM',
    'unknown ENOSYS',
  ]);
});

const x64 = testWhere(process.arch === 'x64', 'of x86-64 alone', it);

x64('SBX-06 the i386 entry has its own table, x32 numbers do not exist', async (t) => {
  const source = `
    #include <stdio.h>
    #include <stdlib.h>
    #include <errno.h>
    #include <unistd.h>
    static int compat(int number) {
      int result;
      __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(-1), "c"(-1), "d"(-1), "S"(-1), "D"(-1) : "memory");
      return result;
    }
    int main(int argc, char **argv) {
      for (int i = 1; i < argc; i++) printf("%s:%d\\n", argv[i], -compat(atoi(argv[i])));
      errno = 0;
      syscall(0x40000000 | 39);
      printf("x32:%d\\n", errno);
      return 0;
    }`;
  if (!compileStatic(source, join(bench.base, 'bin/compat'))) return t.fail('the compiler failed');
  const denied = deniedNumbers(1);
  t.true(denied.length > 50);
  const { stdout } = await bench.step(['/bin/compat', ...denied.map(({ number }) => `${number}`)]);
  t.deepEqual(stdout.trim().split('\n'), [
    ...denied.map(({ number, errno }) => `${number}:${errno}`),
    'x32:38',
  ]);
});
