/** Limits of steps: where control groups are found, and what is written into them. */
import test from 'ava';
import { findHierarchies, type Hierarchy } from '../../src/executor/limit-hierarchies.js';
import { groupSettings } from '../../src/executor/limit-settings.js';

const v2 = '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate';
const v1 = [
  '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
  '35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
  '36 31 0:33 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices',
  '39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids',
  '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
].join('\n');

const finds = test.macro({
  exec: (
    t,
    mountinfo: string,
    cgroups: string,
    expected: readonly (readonly [string, readonly string[]])[],
  ) => {
    const found = findHierarchies(mountinfo, cgroups).map(({ version, candidates, controllers }) => [
      `${version} ${controllers.join(',')}`.trim(),
      candidates,
    ]);
    t.deepEqual(found, expected as unknown as typeof found);
  },
  title: (title = '') => `hierarchies: ${title}`,
});

test('version 2 of a login session', finds, v2, '0::/user.slice/user-0.slice/session-1.scope\n', [
  ['2', ['/sys/fs/cgroup/user.slice/user-0.slice', '/sys/fs/cgroup/user.slice/user-0.slice/session-1.scope']],
]);
test('version 2 at the root', finds, v2, '0::/\n', [['2', ['/sys/fs/cgroup']]]);
test(
  'version 1, with controllers together and in different groups',
  finds,
  v1,
  '8:pids:/\n4:memory:/a/b\n2:cpu,cpuacct:/c\n0::/\n',
  [
    ['1 cpu', ['/sys/fs/cgroup/cpu,cpuacct/c']],
    ['1 memory', ['/sys/fs/cgroup/memory/a/b']],
    ['1 pids', ['/sys/fs/cgroup/pids']],
    ['2', ['/sys/fs/cgroup/unified']],
  ],
);
test(
  'a container that sees its own group as the root of the mount',
  finds,
  '35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory',
  '4:memory:/docker/abc\n',
  [['1 memory', ['/sys/fs/cgroup/memory']]],
);
test(
  'a mount of another part of the tree is of no use',
  finds,
  '35 31 0:32 /other /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
  '4:memory:/docker/abc\n',
  [],
);
test(
  'names with blanks',
  finds,
  '35 31 0:32 / /sys/fs/c\\040g rw - cgroup cgroup rw,pids',
  '4:pids:/a b:c\n',
  [['1 pids', ['/sys/fs/c g/a b:c']]],
);
test('nothing', finds, '', '', []);

const both: readonly Hierarchy['version'][] = [1, 2];
const written = (version: 1 | 2, limits: Parameters<typeof groupSettings>[1]): string[] =>
  groupSettings({ version, parent: '/g', controllers: ['memory', 'pids', 'cpu'] }, limits).map(
    ({ file, value, optional }) => `${file}=${value}${optional ? '?' : ''}`,
  );

test('limits: without any, processes are bounded all the same', (t) => {
  for (const version of both) t.deepEqual(written(version, {}), ['pids.max=32770?']);
});
test('limits: version 1', (t) => {
  t.deepEqual(written(1, { memory: 1 << 20, pids: 10, cpus: 1.5 }), [
    'memory.limit_in_bytes=1048576',
    'memory.memsw.limit_in_bytes=1048576?',
    'pids.max=12',
    'cpu.cfs_period_us=100000',
    'cpu.cfs_quota_us=150000',
  ]);
});
test('limits: version 2', (t) => {
  t.deepEqual(written(2, { memory: 1 << 20, pids: 10, cpus: 0.5 }), [
    'memory.max=1048576',
    'memory.swap.max=0?',
    'memory.oom.group=1?',
    'pids.max=12',
    'cpu.max=50000 100000',
  ]);
});
test('limits: only of the controllers that are there', (t) => {
  t.deepEqual(groupSettings({ version: 2, parent: '/g', controllers: ['cpu'] }, { memory: 1, pids: 1 }), []);
});
