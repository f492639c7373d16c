/** Attacks on the sandbox that need more than a look: races, traced processes, forged attributes, keys (SBX and CVE). */
import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ownOverlayNamespace } from '../../src/layers/own-namespace.js';
import { playerPath } from '../../src/sys/player-file.js';
import { readXattrs } from '../../src/sys/xattrs.js';
import type { StepMount } from '../../src/executor/types.js';
import { testWhere } from '../helpers/modes.js';
import { Bench, compileStatic, mode, sandboxTest } from './busybox-root.js';

const bench = new Bench();
test.after.always(() => bench.close());

const { path: canary, assertUntouched: untouched } = bench.makeCanary();

function cacheOf(name: string): { readonly path: string; at(target: string): StepMount } {
  const path = join(bench.directory, `cache-${name}`);
  mkdirSync(path);
  return { path, at: (target) => ({ kind: 'cache', source: path, target, readonly: false }) };
}

sandboxTest('CVE-2016-9962 the first process shows nothing and cannot be traced', async (t) => {
  const script = `
    for fd in 0 1 2 3 4 5 6 7 8 9 10; do (: < /proc/1/fd/$fd) && echo open $fd; readlink /proc/1/fd/$fd; done
    ls /proc/1/map_files/; cat /proc/1/mem | head -c 1; cat /proc/1/maps /proc/1/environ
    readlink /proc/1/exe /proc/1/cwd /proc/1/root; (echo x > /proc/1/mem); kill -9 1; echo alive`;
  const { stdout, stderr, code } = await bench.step(script);
  t.deepEqual([stdout, code], ['alive\n', 0]); // a signal without a handler does not reach process 1
  t.true(stderr.trim().split('\n').length >= 5, stderr);
});

sandboxTest('CVE-2023-25809, SBX-08 control groups cannot be written', async (t) => {
  const script = `
    for f in $(find /sys/fs/cgroup -type f 2>/dev/null | head -n 200); do { echo 1 > $f; } 2>/dev/null && echo written $f; done
    find /sys/fs/cgroup -type d 2>/dev/null | head -n 50 | while read d; do mkdir $d/evil 2>/dev/null && echo made $d; done
    { echo '|/evil' > /proc/sys/kernel/core_pattern; } 2>/dev/null && echo pattern; echo end`;
  t.is((await bench.step(script)).stdout, 'end\n');
});

for (const call of ['mv /c/sel /c/old; ln -s "$OUT" /c/sel; rm /c/sel; mv /c/old /c/sel', 'exchange']) {
  sandboxTest(
    `CVE-2024-45310, CVE-2021-30465: mounts inside a cache whose folders another step swaps for links (${call.slice(0, 8).trim()})`,
    async (t) => {
      const cache = cacheOf(`race-${call.length}`);
      mkdirSync(join(cache.path, 'sel'));
      const swap = call === 'exchange' ? exchangeSource : undefined;
      if (swap !== undefined && !compileStatic(swap, join(bench.base, 'bin/exchange')))
        return t.log('no compiler');
      const loop = `ln -s "$OUT" /c/link; touch /c/ready; i=0; while ! [ -e /c/stop ] && [ $i -lt 200000 ]; do i=$((i+1)); ${call}; done`;
      const attack = bench.step(
        swap === undefined ? loop : 'ln -s "$OUT" /c/link; touch /c/ready; exec exchange',
        {
          mounts: [cache.at('/c')],
          process: { env: ['PATH=/bin', `OUT=${canary}`] },
        },
      );
      let mounted = 0;
      for (let round = 0; round < 20; round += 1) {
        const mounts: StepMount[] = [
          cache.at('/c'),
          { kind: 'tmpfs', target: '/c/sel/made/deep', size: undefined },
          { kind: 'file', target: '/c/sel/stub', bytes: Buffer.from('x'), mode: 0o644 },
        ];
        await bench.step('cat /c/sel/stub >/dev/null; ls /c/sel/made', { mounts }).then(
          () => (mounted += 1),
          (error: unknown) => t.regex(String(error), /ELOOP|ENOENT|ENOTDIR|EXDEV|changed|link/),
        );
        untouched(t);
      }
      writeFileSync(join(cache.path, 'stop'), '');
      await attack;
      untouched(t);
      t.log(`${mounted} of 20 steps ran`);
    },
  );
}

/** renameat2(RENAME_EXCHANGE) of a folder and a link, until told to stop. */
const exchangeSource = `
  #include <unistd.h>
  #include <sys/syscall.h>
  int main(void) {
    while (access("/c/stop", F_OK)) for (int i = 0; i < 1000; i++) syscall(SYS_renameat2, -100, "/c/sel", -100, "/c/link", 2);
    return 0;
  }`;

sandboxTest('SBX-16 traced, double-forked and vforked processes die with the step', async (t) => {
  const source = `
    #define _GNU_SOURCE
    #include <sched.h>
    #include <signal.h>
    #include <stdio.h>
    #include <unistd.h>
    #include <sys/ptrace.h>
    #include <sys/wait.h>
    int main(void) {
      for (int s = 1; s < 64; s++) signal(s, SIG_IGN);
      pid_t child = fork();
      if (!child) { ptrace(PTRACE_TRACEME, 0, 0, 0); raise(SIGSTOP); for (;;) pause(); }
      waitpid(child, 0, 0);
      if (!fork()) { setsid(); if (!fork()) { if (!vfork()) for (;;) pause(); } _exit(0); }
      puts("started"); fflush(stdout);
      return 3;
    }`;
  if (!compileStatic(source, join(bench.base, 'bin/hold'))) return t.log('no compiler');
  const { code, stdout } = await bench.step('exec hold', {
    process: { env: ['PATH=/bin', 'MARK=tsbuild-traced'] },
  });
  t.deepEqual([code, stdout], [3, 'started\n']);
  const left = readdirSync('/proc').filter(
    (pid) => /^\d+$/.test(pid) && environOf(pid).includes('tsbuild-traced'),
  );
  t.deepEqual(left, []);
});

function environOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}

sandboxTest('SBX-13 a key of the builder is not to be found in the step', async (t) => {
  const add = `
    #include <stdio.h>
    #include <unistd.h>
    #include <sys/syscall.h>
    int main(void) { printf("%ld\\n", syscall(SYS_add_key, "user", "tsbuild-canary", "CANARY", 6L, -3L)); return 0; }`;
  const find = `
    #include <stdio.h>
    #include <errno.h>
    #include <unistd.h>
    #include <sys/syscall.h>
    int main(void) { long k = syscall(SYS_keyctl, 10L, -3L, "user", "tsbuild-canary", 0L); printf("%ld %d\\n", k, errno); return 0; }`;
  if (!compileStatic(add, join(bench.directory, 'add-key'))) return t.log('no compiler');
  compileStatic(find, join(bench.base, 'bin/find-key'));
  execFileSync(join(bench.directory, 'add-key')); // into the session keyring that this process shares with it
  t.is((await bench.step(['/bin/find-key'])).stdout, '-1 1\n'); // EPERM: the filter
  const unfiltered = await bench.step(['/bin/find-key'], { security: 'insecure' });
  t.regex(unfiltered.stdout, /^-1 /);
});

sandboxTest(
  'SBX-18, CVE-2019-5736 the file of the player is what it was, whatever steps write to',
  async (t) => {
    const file = playerPath();
    const digest = (): string => createHash('sha256').update(readFileSync(file)).digest('hex');
    const before = digest();
    const script = `
    for i in 1 2 3 4 5 6 7 8; do for p in /proc/[0-9]*; do (cat /bin/busybox > $p/exe) 2>/dev/null && echo written $p; done; done; echo end`;
    for (const security of ['sandbox', 'insecure'] as const) {
      const { stdout } = await bench.step(script, {
        security,
        lowers: [bench.layer({ 'bin/self': '-> /proc/self/exe' })],
      });
      t.notRegex(stdout, /written \/proc\/[12]\n/);
      t.regex(stdout, /end\n$/);
    }
    t.is(digest(), before);
  },
);

sandboxTest('SBX-24 attributes and devices by which an overlay forges changes', async (t) => {
  const source = `
    #define _GNU_SOURCE
    #include <errno.h>
    #include <stdio.h>
    #include <sys/stat.h>
    #include <sys/sysmacros.h>
    #include <sys/xattr.h>
    int main(void) {
      const char *names[] = { "trusted.overlay.opaque", "trusted.overlay.redirect", "user.overlay.opaque", "user.overlay.redirect", "user.overlay.whiteout", "user.tsbuild.opaque" };
      for (int i = 0; i < 6; i++) {
        errno = 0; setxattr("/dir", names[i], i % 3 == 1 ? "/private" : "y", i % 3 == 1 ? 8 : 1, 0);
        printf("%s %d\\n", names[i], errno);
      }
      errno = 0; mknod("/forged", S_IFCHR, makedev(0, 0)); printf("mknod %d\\n", errno);
      return 0;
    }`;
  if (!compileStatic(source, join(bench.base, 'bin/forge'))) return t.log('no compiler');
  const lowers = [bench.layer({ 'dir/kept': 'kept', 'private/secret': 's', forged: 'below' })];
  const { stdout, upper, code } = await bench.step('forge; touch /dir/new; rm -f /forged; exit 0', {
    lowers,
  });
  t.is(code, 0);
  t.regex(stdout, /^trusted\.overlay\.opaque (1|95)$/m);
  t.regex(stdout, /^trusted\.overlay\.redirect (1|95)$/m);
  const attributes =
    (await readXattrs([join(upper, 'dir')])).get(join(upper, 'dir')) ?? new Map<string, Uint8Array>();
  t.false(attributes.has(`${ownOverlayNamespace(bench.directory)}.overlay.opaque`));
  const above = await bench.step('cat /dir/kept; ls /dir; ls /private', { lowers: [...lowers, upper] });
  t.is(above.stdout, 'keptkept\nnew\nsecret\n'); // neither hidden nor led elsewhere
});

sandboxTest(
  'SBX-23 a step that closes, renames and removes what its root stands on is read and cleaned up',
  async (t) => {
    const script = `
    mkdir -p /etc/sub /closed; echo x > /etc/sub/f; mv /etc/sub /renamed; chattr +i /renamed 2>/dev/null && echo immutable
    rmdir /proc /dev /sys 2>/dev/null && echo removed; umount /proc 2>/dev/null && echo unmounted; mv /proc /p 2>/dev/null && echo moved
    chmod 000 /etc /renamed /closed /; exit 0`;
    const { code, stdout, upper } = await bench.step(script, { lowers: [bench.layer({ 'etc/kept': '' })] });
    t.deepEqual([code, stdout], [0, '']);
    t.true(existsSync(upper));
    await (await bench.executor).discard({ path: upper, namespace: ownOverlayNamespace(bench.directory) });
    t.false(existsSync(upper));
    untouched(t);
  },
);

sandboxTest(
  'CVE-2024-29018, CVE-2020-15257, SBX-14 with network none nothing arrives anywhere',
  async (t) => {
    let arrived = 0;
    const tcp = createServer((socket) => void ((arrived += 1), socket.destroy()));
    const abstract = createServer((socket) => void ((arrived += 1), socket.destroy()));
    const udp = createSocket('udp4').on('message', () => (arrived += 1));
    t.teardown(() => [tcp, abstract, udp].forEach((each) => each.close()));
    tcp.listen(0, '0.0.0.0');
    const name = `tsbuild-${randomUUID()}`; // these tests run in several places at once
    abstract.listen(`\0${name}`);
    udp.bind(0);
    await Promise.all([tcp, abstract, udp].map((each) => once(each, 'listening')));
    const address = tcp.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
    const addresses = [
      '127.0.0.1',
      ...own.filter(({ family }) => family === 'IPv4').map((each) => each.address),
    ];
    const connect = `
    #include <stdio.h>
    #include <string.h>
    #include <sys/socket.h>
    #include <sys/un.h>
    int main(void) { struct sockaddr_un a = { AF_UNIX }; memcpy(a.sun_path + 1, "${name}", ${name.length});
      int s = socket(AF_UNIX, SOCK_STREAM, 0); puts(connect(s, (void *)&a, ${2 + 1 + name.length}) ? "refused" : "connected"); return 0; }`;
    const compiled = compileStatic(connect, join(bench.base, 'bin/abstract'));
    const script = `
    for a in ${addresses.join(' ')}; do nc -w 1 $a ${port} </dev/null && echo tcp; echo x | nc -u -w 1 $a ${udp.address().port} 2>/dev/null; done
    nslookup -timeout=1 tsbuild-canary.example.com 127.0.0.1 >/dev/null 2>&1 && echo dns; ${compiled ? 'abstract' : 'echo refused'}
    cat /proc/net/unix | grep -c ${name}; ip -o link | wc -l; cat /proc/net/route | wc -l; cat /etc/resolv.conf`;
    const { stdout } = await bench.step(script, { network: 'none' });
    t.is(stdout, 'refused\n0\n1\n1\n');
    t.is(arrived, 0);
  },
);

sandboxTest(
  'SBX-15 a file can be limited; many files, much output and a long loop end only the step',
  async (t) => {
    const RLIMIT_FSIZE = 1;
    const limits = { ulimits: [{ resource: RLIMIT_FSIZE, soft: 1n << 20n, hard: 1n << 20n }] };
    const big = await bench.step('dd if=/dev/zero of=/big bs=64k count=64 2>/dev/null; stat -c %s /big', {
      limits,
    });
    t.is(big.stdout, '1048576\n');
    const many = await bench.step(
      'mkdir /m; cd /m; i=0; while [ $i -lt 20000 ]; do : > $i; i=$((i+1)); done; ls | wc -l',
    );
    t.is(many.stdout, '20000\n');
    await (
      await bench.executor
    ).discard({ path: many.upper, namespace: ownOverlayNamespace(bench.directory) });
    const endless = await bench.step('while :; do :; done', { limits: { timeout: 1000 } });
    t.not(endless.code, 0);
    t.is((await bench.step('echo fine')).stdout, 'fine\n');
  },
);

const limitsTable = testWhere(mode !== undefined, 'no sandbox', sandboxTest);
limitsTable('SBX-12 limits are those of the builder, but for core and open files', async (t) => {
  const own = limitsOf(readFileSync('/proc/self/limits', 'utf8'));
  const theirs = limitsOf((await bench.step('cat /proc/self/limits')).stdout);
  t.deepEqual([...theirs.keys()], [...own.keys()]);
  for (const [name, values] of theirs) {
    if (name === 'Max core file size') t.is(values[0], '0');
    else if (name === 'Max open files') t.is(values[0], values[1]);
    else t.deepEqual(values, own.get(name), name);
  }
});

/** Soft and hard by name. */
function limitsOf(text: string): Map<string, [string, string]> {
  const rows = text.trim().split('\n').slice(1);
  return new Map(
    rows.map((row) => [
      row.slice(0, 26).trim(),
      [row.slice(26, 47).trim(), row.slice(47, 68).trim()] as [string, string],
    ]),
  );
}
