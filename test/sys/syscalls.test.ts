import test from 'ava';
import { syscallNumbers } from '../../src/sys/syscalls.js';
import { abis } from '../../src/executor/seccomp/filter.js';

for (const arch of ['x64', 'arm64'] as const) {
  test(`${arch}: the numbers that programs use are those of the complete table`, (t) => {
    const complete = abis[arch][0]?.numbers ?? new Map<string, number>();
    for (const [name, number] of syscallNumbers(arch)) t.is(complete.get(name), number, name);
  });
}
