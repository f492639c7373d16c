/** What a step sees and cannot reach (SBX: the numbers of the attack catalogue). */
import { existsSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import test from 'ava';
import { Bench, compileStatic, mode, sandboxTest } from './busybox-root.js';

const bench = new Bench();
test.after.always(() => bench.close());

const canary = join(bench.directory, 'canary');
mkdirSync(canary);
writeFileSync(join(canary, 'secret'), 'CANARY-BYTES');

const app = { uid: 1000, gid: 1001, groups: [1001, 10], home: '/home/app' };

sandboxTest(
  'SBX-01, CVE-2022-29162, CVE-2022-24769: root has the 14 capabilities, none inheritable or ambient, and a filter',
  async (t) => {
    const { stdout } = await bench.step('grep -E "^(Cap|Seccomp:|NoNewPrivs)" /proc/self/status');
    t.deepEqual(stdout.replaceAll('\t', ' ').trim().split('\n'), [
      'CapInh: 0000000000000000',
      'CapPrm: 00000000a80425fb',
      'CapEff: 00000000a80425fb',
      'CapBnd: 00000000a80425fb',
      'CapAmb: 0000000000000000',
      'NoNewPrivs: 0',
      'Seccomp: 2',
    ]);
  },
);

sandboxTest(
  'SBX-01, CVE-2022-27649, CVE-2022-27650, CVE-2022-27651: another user has none, but may get them by setuid programs',
  async (t) => {
    const { stdout } = await bench.step('grep -E "^(Cap|Uid|Gid|Groups)" /proc/self/status', {
      process: { user: app },
    });
    t.deepEqual(
      stdout
        .replaceAll('\t', ' ')
        .trim()
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => mode !== 'single-id' || !line.startsWith('Groups')),
      [
        'Uid: 1000 1000 1000 1000',
        'Gid: 1001 1001 1001 1001',
        ...(mode === 'single-id' ? [] : ['Groups: 10 1001']),
        'CapInh: 0000000000000000',
        'CapPrm: 0000000000000000',
        'CapEff: 0000000000000000',
        'CapBnd: 00000000a80425fb',
        'CapAmb: 0000000000000000',
      ],
    );
  },
);

sandboxTest('SBX-02 descriptors of the builder do not reach the step', async (t) => {
  const held = Array.from({ length: 300 }, (_, index) =>
    openSync(index % 2 ? canary : join(canary, 'secret'), 'r'),
  );
  t.true(Math.max(...held) > 300);
  const { stdout } = await bench.step('ls -l /proc/$$/fd');
  const descriptors = [...stdout.matchAll(/ (\d+) -> ([\w/]+)/g)].map(([, fd, target]) => `${fd} ${target}`);
  t.deepEqual(descriptors, ['0 /dev/null', '1 pipe', '2 pipe']);
});

sandboxTest('SBX-03 output goes to pipes that can be opened again, also by another user', async (t) => {
  const script = 'echo one > /dev/stdout; echo two > /dev/stderr; : < /dev/tty';
  for (const user of [{ uid: 0, gid: 0, groups: [0], home: '/' }, app]) {
    const { stdout, stderr } = await bench.step(script, { process: { user } });
    t.is(stdout, 'one\n');
    t.regex(stderr, /^two\n/);
    t.regex(stderr, /\/dev\/tty/); // there is no terminal to be reached
  }
});

sandboxTest('SBX-04 device nodes that a step makes cannot be opened, wherever they are', async (t) => {
  const cache = join(bench.directory, 'cache-devices');
  mkdirSync(cache);
  const script = `
    for place in / /dev/ /tmp/ /dev/shm/ /cache/ /scratch/ /bound/; do
      for node in "b 7 0" "b 254 0" "b 259 0" "c 1 1" "c 1 11" "c 10 229" "c 10 237"; do
        mknod "$place"node $node && [ -b "$place"node -o -c "$place"node ] && { cat "$place"node >/dev/null 2>&1 && echo "opened $place $node"; (: > "$place"node) && echo "written $place $node"; }
        rm -f "$place"node
      done
    done 2>/dev/null
    echo done`;
  const { stdout } = await bench.step(script, {
    mounts: [
      { kind: 'cache', source: cache, target: '/cache', readonly: false },
      { kind: 'tmpfs', target: '/scratch', size: undefined },
      { kind: 'bind', source: cache, target: '/bound', writable: true },
    ],
  });
  t.is(stdout, 'done\n');
});

sandboxTest('SBX-05 the root cannot be left', async (t) => {
  const script = `
    mkdir -p /tmp/jail/bin; cp /bin/busybox /tmp/jail/bin/
    chroot /tmp/jail /bin/busybox sh -c 'cd ../../../../../..; ls' 2>&1
    ls /proc/1/root/ 2>&1; ls /proc/1/cwd/ 2>&1; cat /proc/1/environ 2>&1
    nsenter -t 1 -m true 2>&1; unshare -m true 2>&1; umount /proc/keys 2>&1; mount -t proc none /tmp 2>&1
    mount -t tmpfs none /tmp 2>&1; pivot_root . . 2>&1
    ls -d ${bench.directory} 2>&1`;
  const { stdout } = await bench.step(script);
  const lines = stdout.trim().split('\n');
  t.is(lines[0], 'bin');
  t.deepEqual(
    lines.slice(1).filter((line) => !/denied|not permitted|No such file/.test(line)),
    [],
  );
  t.is(readFileSync(join(canary, 'secret'), 'latin1'), 'CANARY-BYTES');
});

sandboxTest('SBX-05, CVE-2024-21626: a working directory behind a magic link is refused', async (t) => {
  for (const cwd of ['/proc/self/fd/5', '/proc/1/cwd', '/proc/self/root', '/proc/1/root/tmp', '/link']) {
    const lowers = [bench.layer({ link: '-> /proc/self/fd/7' })];
    await t.throwsAsync(
      bench.step('cat ../../../canary', { process: { cwd }, lowers }),
      { code: 'run' },
      cwd,
    );
  }
});

sandboxTest('SBX-08 what would change or tell of the host is read-only or empty', async (t) => {
  const script = `
    for f in /proc/sys/kernel/core_pattern /proc/sys/vm/drop_caches /proc/sysrq-trigger /sys/power/state /proc/irq/default_smp_affinity; do
      [ -e $f ] && { echo x > $f; } 2>&1 | grep -q "Read-only\\|denied" || { [ -e $f ] && echo writable $f; }
    done
    for f in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts /proc/latency_stats /proc/sched_debug; do
      [ -e $f ] && cat $f
    done
    for d in /proc/acpi /proc/scsi /proc/asound /sys/firmware; do [ -e $d ] && ls -A $d; done
    mkdir /sys/fs/cgroup/mine 2>/dev/null && echo cgroup
    chmod 777 /proc/acpi 2>/dev/null && echo chmod
    echo end`;
  t.is((await bench.step(script)).stdout, 'end\n');
});

sandboxTest('SBX-09 only the processes of the step are seen, and nothing of the builder', async (t) => {
  process.env['TSBUILD_CANARY'] = 'CANARY-ENV';
  const script =
    'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" "\\n"; echo pids /proc/[0-9]*; cat /proc/1/maps';
  const { stdout } = await bench.step(script);
  t.notRegex(stdout, /CANARY|node|tsbuild-sandbox/);
  t.regex(stdout, /pids \/proc\/1 \/proc\/2\n/);
});

sandboxTest('SBX-10 the environment is the given one and HOME', async (t) => {
  const { stdout } = await bench.step(['/bin/env'], { process: { env: ['A=1', 'EMPTY='], user: app } });
  t.deepEqual(stdout.trim().split('\n'), ['A=1', 'EMPTY=', 'HOME=/home/app']);
  const given = await bench.step(['/bin/env'], { process: { env: ['HOME=/given'] } });
  t.is(given.stdout, 'HOME=/given\n');
});

sandboxTest('SBX-11 host name, hosts and resolv.conf are ours, read-only, and in no layer', async (t) => {
  const script = `hostname; cat /proc/sys/kernel/domainname; cat /etc/hosts
    { echo x >> /etc/hosts; echo x >> /etc/resolv.conf; rm /etc/hosts; mv /etc/resolv.conf /tmp; } 2>&1 | grep -c "Read-only\\|busy"`;
  const { stdout, upper } = await bench.step(script, { hostname: 'other', extraHosts: [['db', '10.0.0.7']] });
  t.is(
    stdout,
    'other\n(none)\n127.0.0.1\tlocalhost other\n::1\tlocalhost ip6-localhost ip6-loopback\n10.0.0.7\tdb\n4\n',
  );
  t.false(existsSync(join(upper, 'etc')));
});

sandboxTest('SBX-11 name servers that are given are those of the step', async (t) => {
  const resolver = { servers: ['192.0.2.53'], searches: ['example'], options: ['ndots:1'] };
  const { stdout } = await bench.step('cat /etc/resolv.conf', { resolver, network: 'host' });
  t.regex(stdout, /search example\nnameserver 192\.0\.2\.53\noptions ndots:1\n$/);
  t.is(stdout.match(/^nameserver/gm)?.length, 1);
});

sandboxTest('SBX-12 umask, core files and open files', async (t) => {
  process.umask(0o077);
  const { stdout } = await bench.step(
    'umask; ulimit -c; ulimit -n; ulimit -Hn; touch /tmp/f; stat -c %a /tmp/f /etc/hosts /etc /dev /proc /dev/shm',
  );
  process.umask(0o022);
  const [umask, core, soft, hard, ...modes] = stdout.trim().split('\n');
  t.deepEqual([umask, core], ['0022', '0']);
  t.is(soft, hard);
  t.true(Number(soft) >= 1024 && Number(soft) <= 1_048_576);
  t.deepEqual(modes, ['644', '644', '755', '755', '555', '1777']);
});

sandboxTest('SBX-16 daemons die with the step, which does not wait for them', async (t) => {
  const flag = join(bench.directory, 'cache-daemons');
  mkdirSync(flag);
  const script = `
    (trap "" TERM HUP INT; setsid sh -c 'while :; do echo x >> /cache/alive; usleep 1000; done' &) &
    sleep 1000 & kill -STOP $!
    while ! [ -s /cache/alive ]; do usleep 1000; done
    exit 3`;
  const { code } = await bench.step(script, {
    mounts: [{ kind: 'cache', source: flag, target: '/cache', readonly: false }],
  });
  t.is(code, 3);
  const size = statSync(join(flag, 'alive')).size;
  await bench.step('true');
  t.is(statSync(join(flag, 'alive')).size, size);
});

sandboxTest('SBX-17 a step that closes its output ends; so does one whose daemon holds it', async (t) => {
  t.is((await bench.step('exec >&- 2>&-; exit 7')).code, 7);
  const held = await bench.step('sleep 1000 & echo out; exit 0');
  t.deepEqual([held.code, held.stdout], [0, 'out\n']);
});

sandboxTest('SBX-17 much output without a line end arrives whole', async (t) => {
  const hash = createHash('sha256');
  let size = 0;
  const { code } = await bench.step('dd if=/dev/zero bs=1M count=64 2>/dev/null; printf end', {
    onOutput: (_, chunk) => {
      size += chunk.length;
      hash.update(chunk);
    },
  });
  t.is(code, 0);
  t.is(size, (64 << 20) + 3);
});

sandboxTest('SBX-18 the helper in /proc/self/exe cannot be changed', async (t) => {
  const lowers = [bench.layer({ 'bin/self': '-> /proc/self/exe', script: '#!/proc/self/exe\n' })];
  const script = `
    chmod +x /script; /script 2>/dev/null; echo $?
    for p in 1 2; do { cat /dev/zero > /proc/$p/exe; } 2>&1 | grep -c "denied\\|busy\\|No such"; done`;
  const { stdout } = await bench.step(script, { lowers });
  t.regex(stdout, /^\d+\n1\n1\n$/);
  // The command itself is the helper: it finds no program on its closed descriptor 3.
  const own = await bench.step(['/bin/self'], { lowers });
  t.not(own.code, 0);
  t.is((await bench.step('echo fine')).stdout, 'fine\n');
});

sandboxTest(
  'SBX-18, CVE-2019-5736: the first process is sealed memory, even to a step that may trace it',
  async (t) => {
    const script = `
    readlink /proc/1/exe
    { cat /bin/busybox > /proc/1/exe; } 2>&1 | grep -c "not permitted\\|busy"`;
    const { stdout } = await bench.step(script, { security: 'insecure' });
    t.is(stdout, '/memfd:tsbuild-init (deleted)\n1\n');
  },
);

sandboxTest('SBX-13 the session keyring is a new one', async (t) => {
  const built = compileStatic(
    `#include <stdio.h>
     #include <sys/syscall.h>
     #include <unistd.h>
     int main(void) { printf("%ld\\n", syscall(SYS_keyctl, 0, -3, 0)); return 0; }`,
    join(bench.base, 'bin/keyring'),
  );
  if (!built) return t.log('no compiler');
  const ids = await Promise.all(
    [1, 2].map(async () => (await bench.step(['/bin/keyring'], { security: 'insecure' })).stdout),
  );
  t.not(ids[0], ids[1]);
  t.is((await bench.step(['/bin/keyring'])).stdout, '-1\n');
});
