/** Everything that a step finds, against the table of docs/isolation.md; and against podman where that can run. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { podmanIn } from '../helpers/run-image.js';
import type { Declare } from '../helpers/modes.js';
import { Bench, mode, rootfulTest, sandboxTest } from './busybox-root.js';

const bench = new Bench();
test.after.always(() => bench.close());

interface Mounted {
  readonly type: string;
  readonly options: ReadonlySet<string>;
}

/** /proc/self/mounts: the topmost mount of each place. */
function parseMounts(text: string): Map<string, Mounted> {
  const lines = text.trim().split('\n');
  return new Map(
    lines.map((line) => {
      const [, place = '', type = '', options = ''] = line.split(' ');
      return [place, { type, options: new Set(options.split(',')) }];
    }),
  );
}

const inert = ['nosuid', 'nodev', 'noexec'];
const ownUsers = mode !== 'rootful';
type Row = readonly [place: string, type: string, options: readonly string[]];
const table: readonly Row[] = [
  ['/', 'overlay', ['rw', 'nodev', ...(ownUsers ? ['userxattr'] : [])]],
  ['/proc', 'proc', ['rw', ...inert]],
  ['/dev', 'tmpfs', ['rw', 'nosuid', 'nodev', 'mode=755', 'size=65536k']],
  ['/dev/pts', 'devpts', ['rw', 'nosuid', 'noexec', 'ptmxmode=666', 'mode=620']],
  ['/dev/shm', 'tmpfs', ['rw', ...inert, 'size=65536k']],
  ['/dev/mqueue', 'mqueue', ['rw', ...inert]],
  ['/etc/hosts', 'tmpfs', ['ro', ...inert]],
  ['/etc/resolv.conf', 'tmpfs', ['ro', ...inert]],
  ...['bus', 'fs', 'irq', 'sys'].map((name): Row => [`/proc/${name}`, 'proc', ['ro', ...inert]]),
  ...(ownUsers ? [] : [['/sys', 'sysfs', ['ro', ...inert]] satisfies Row]),
];

for (const [place, type, options] of table) {
  sandboxTest(`${place} is ${type} ${options.join(',')}`, async (t) => {
    const mounts = parseMounts((await bench.step('cat /proc/self/mounts')).stdout);
    const found = mounts.get(place);
    t.is(found?.type, type);
    for (const option of options)
      t.true(found?.options.has(option), `${option} of ${[...(found?.options ?? [])].join()}`);
  });
}

sandboxTest('nothing else is mounted but devices and masks', async (t) => {
  const mounts = parseMounts((await bench.step('cat /proc/self/mounts')).stdout);
  const known = new Set(table.map(([place]) => place));
  const others = [...mounts.keys()].filter((place) => !known.has(place));
  t.deepEqual(
    others.filter((place) => !/^\/dev\/(null|zero|full|random|urandom|tty)$|^\/proc\/|^\/sys\//.test(place)),
    [],
  );
});

sandboxTest('/dev holds six devices, four links and three folders', async (t) => {
  const { stdout } = await bench.step('cd /dev; for f in *; do stat -c "%n %F %t:%T" $f; done');
  t.deepEqual(stdout.trim().split('\n'), [
    'core symbolic link 0:0',
    'fd symbolic link 0:0',
    'full character special file 1:7',
    'mqueue directory 0:0',
    'null character special file 1:3',
    'ptmx symbolic link 0:0',
    'pts directory 0:0',
    'random character special file 1:8',
    'shm directory 0:0',
    'stderr symbolic link 0:0',
    'stdin symbolic link 0:0',
    'stdout symbolic link 0:0',
    'tty character special file 5:0',
    'urandom character special file 1:9',
    'zero character special file 1:5',
  ]);
});

const folder = mkdtempSync(join(tmpdir(), 'tsbuild-podman-'));
const podman = podmanIn(folder);
test.after.always(() => rmSync(folder, { recursive: true, force: true }));
const compared: Declare = podman === undefined ? test.skip : rootfulTest;

compared('what podman shows and hides, a step finds or misses too', async (t) => {
  t.timeout(120_000);
  const script =
    'grep -E "^(CapInh|CapAmb|Seccomp|NoNewPrivs):" /proc/self/status; umask; ls /dev | grep -vxE "console|core"; for f in kcore keys timer_list; do [ -e /proc/$f ] && wc -c < /proc/$f; done; for d in /proc/acpi /proc/scsi /sys/firmware; do [ -e $d ] && ls -A $d; done; echo x 2>/dev/null > /proc/sys/kernel/domainname && echo written; unshare -m true 2>/dev/null && echo unshared; cat /proc/1/environ 2>/dev/null | grep -c CANARY; ls /proc/self/fd | wc -l';
  const archive = join(folder, 'root.tar');
  execFileSync('tar', ['cf', archive, '-C', bench.base, '.']);
  const imported = await podman?.run(['import', '--quiet', archive, 'localhost/probe']);
  if (imported?.code !== 0) return t.log(`podman cannot import here: ${imported?.output.slice(0, 200)}`);
  const theirs = await podman?.run([
    'run',
    ...(podman.runFlags ?? []),
    '--pid=private',
    'localhost/probe',
    '/bin/sh',
    '-c',
    script,
  ]);
  if (theirs === undefined || theirs.code > 1)
    return t.log(`podman cannot run here: ${theirs?.output.slice(0, 200)}`);
  const ours = await bench.step(script);
  t.is(ours.stdout, theirs.stdout);
});
