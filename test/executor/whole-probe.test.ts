/**
 * Every system call number, capability, mount, device, descriptor, limit and variable inside a step, against the
 * specification (docs/isolation.md, the seccomp profile) and against `podman run`, with each difference named.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { abis, verdictRanges, type Verdict } from '../../src/executor/seccomp/filter.js';
import { podmanIn } from '../helpers/run-image.js';
import type { Ended } from '../helpers/programs.js';
import type { Declare } from '../helpers/modes.js';
import { Bench, mode, rootfulTest, sandboxTest } from './busybox-root.js';
import { addProbe, probeScript, sectionsOf, triedNumbers } from './probe-program.js';

const bench = new Bench();
test.after.always(() => bench.close());
const it: Declare = addProbe(bench.base) ? sandboxTest : test.skip;

const abi = process.arch === 'x64' || process.arch === 'arm64' ? abis[process.arch][0] : undefined;
const names = new Map([...(abi?.numbers ?? [])].map(([name, number]) => [number, name]));
const ranges = abi === undefined ? [] : verdictRanges(abi, mode === 'single-id' ? 'single-id' : 'all-ids');
const verdictOf = (number: number): Verdict =>
  ranges.findLast(({ from }) => from <= number)?.verdict ?? 'enosys';

/** Kernels that have uprobe and uretprobe (x86-64) let them pass every filter. */
const trampolines = new Set([335, 336]);

function outcomes(text: string): Map<number, string> {
  return new Map(
    text
      .trim()
      .split('\n')
      .map((line) => [Number(line.split(':')[0]), line.split(':')[1] ?? '']),
  );
}

it(`SBX-05, SBX-07 all of ${triedNumbers} numbers do in a step what the profile says`, async (t) => {
  t.timeout(120_000);
  const { stdout } = await bench.step(['/bin/numbers', '0', String(triedNumbers)]);
  const found = outcomes(stdout);
  t.is(found.size, triedNumbers);
  const [EPERM, ENOSYS] = ['1', '38'];
  const odd: string[] = [];
  for (const [number, outcome] of found) {
    if (trampolines.has(number)) continue;
    const verdict = verdictOf(number);
    const name = names.get(number) ?? ''; // Landlock wants no_new_privs first: there the EPERM is the kernel's
    if (verdict === 'eperm' && outcome !== EPERM) odd.push(`${name} ${number}: ${outcome}, not EPERM`);
    else if (verdict === 'enosys' && outcome !== ENOSYS)
      odd.push(`${name} ${number}: ${outcome}, not ENOSYS`);
    else if (verdict === 'allow' && outcome === EPERM && name !== 'landlock_restrict_self')
      odd.push(`${name} ${number}: EPERM, although it is allowed`);
  }
  t.deepEqual(odd, []);
});

it('SBX-01, SBX-02, SBX-08, SBX-10, SBX-11, SBX-12 everything else in a step is what the specification says', async (t) => {
  const { stdout, stderr } = await bench.step(probeScript);
  const found = sectionsOf(stdout);
  const section = (name: string): readonly string[] => found.get(name) ?? [];
  t.deepEqual(section('capabilities'), [
    'CapInh:0000000000000000',
    'CapPrm:00000000a80425fb',
    'CapEff:00000000a80425fb',
    'CapBnd:00000000a80425fb',
    'CapAmb:0000000000000000',
    'NoNewPrivs:0',
    'Seccomp:2',
  ]);
  const devices = ['full 1:7', 'null 1:3', 'random 1:8', 'tty 5:0', 'urandom 1:9', 'zero 1:5'];
  const links = {
    core: '/proc/kcore',
    fd: '/proc/self/fd',
    ptmx: 'pts/ptmx',
    stderr: '/proc/self/fd/2',
    stdin: '/proc/self/fd/0',
    stdout: '/proc/self/fd/1',
  };
  t.deepEqual(section('devices'), [
    ...devices.map((device) => `./${device.replace(' ', ' character special file ')} 666`),
    ...Object.entries(links).map(([name, target]) => `./${name} -> ${target}`),
  ]);
  t.deepEqual(section('descriptors'), ['0', '1', '2', ...section('descriptors').slice(3)]);
  t.true(section('descriptors').length <= 4, 'and one of the shell that looks');
  t.deepEqual(section('environment'), ['HOME=/root', 'PATH=/bin']);
  t.deepEqual(
    section('hidden').filter((line) => !line.endsWith(' 0')),
    [],
  );
  t.deepEqual(
    section('read-only').filter((place) => place !== '/sys'),
    ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'].filter((place) =>
      section('read-only').includes(place),
    ),
  );
  t.true(section('read-only').includes('/proc/sys'), stderr);
  t.deepEqual(section('processes').slice(0, 2), ['1', '2']);
  t.is(section('identity')[1], '0022');
  t.is(section('identity')[2], 'buildkitsandbox');
  t.is(section('identity')[3], '(none)');
  for (const line of section('mounts').filter((each) => !each.startsWith('/ ')))
    t.regex(line, line.startsWith('/dev/pts ') ? /nosuid,.*noexec/ : /nosuid|nodev/, line);
  const limits = readFileSync('/proc/self/limits', 'utf8').replace(/ +/g, ' ').trimEnd().split('\n').slice(1);
  const changed = section('limits').filter((line) => !limits.includes(line));
  t.deepEqual(
    changed.filter((line) => !/^Max (core file size 0|open files (\d+) \2) /.test(line)),
    [],
  );
});

const folder = mkdtempSync(join(tmpdir(), 'tsbuild-podman-probe-'));
const podman = podmanIn(folder);
test.after.always(() => rmSync(folder, { recursive: true, force: true }));
let imported: Promise<Ended | undefined> | undefined;

/** Runs a command on the same root by podman; undefined where podman cannot run. */
async function inPodman(t: ExecutionContext, argv: readonly string[]): Promise<string | undefined> {
  if (podman === undefined) return undefined;
  imported ??= importRoot();
  await imported;
  const ended = await podman.run([
    'run',
    ...podman.runFlags,
    '--pid=private',
    'localhost/probe-root',
    ...argv,
  ]);
  if (ended.code === 0) return ended.stdout;
  t.log(`podman cannot run here: ${ended.output.slice(0, 200)}`);
  return undefined;
}

async function importRoot(): Promise<Ended | undefined> {
  const archive = join(folder, 'root.tar');
  execFileSync('tar', ['cf', archive, '-C', bench.base, '.']);
  return podman?.run(['import', '--quiet', archive, 'localhost/probe-root']);
}

const compared: Declare = podman === undefined || abi === undefined ? test.skip : rootfulTest;

/** Calls that one of the two refuses and the other does not, with the reason. */
const otherInPodman: readonly (readonly [why: string, names: string])[] = [
  [
    'podman lets a container ask for namespaces and mounts, and leaves it to the kernel; Docker and we refuse',
    'clone clone3 unshare setns mount umount2 open_tree fsopen fsconfig fsmount fspick move_mount mount_setattr',
  ],
  [
    'memory of other nodes: Docker and we refuse',
    'mbind get_mempolicy set_mempolicy set_mempolicy_home_node',
  ],
  ['keys have no namespace: Docker and we refuse', 'add_key keyctl request_key'],
  ['Docker and we refuse', 'pidfd_getfd'],
  ['the kernel reads 32 bits of its argument, so we compare 32', 'personality'],
  ['there is another process to be asked for here', 'kill'],
  ['podman refuses what Docker and we allow', 'vmsplice io_pgetevents'],
  [
    'newer than the profile of podman 4',
    `futex_waitv cachestat fchmodat2 futex_wake futex_wait futex_requeue statmount listmount mseal
     setxattrat getxattrat listxattrat removexattrat map_shadow_stack open_tree_attr file_getattr file_setattr`,
  ],
];
const named = new Set(otherInPodman.flatMap(([, words]) => words.split(/\s+/)));

compared(
  'SBX-05 each of the numbers has the outcome that podman gives it, but for those named here',
  async (t) => {
    t.timeout(180_000);
    const theirs = await inPodman(t, ['/bin/numbers', '0', String(triedNumbers)]);
    if (theirs === undefined) return;
    const ours = outcomes((await bench.step(['/bin/numbers', '0', String(triedNumbers)])).stdout);
    const refusals = ['1', '38']; // EPERM, Docker's and ours, and ENOSYS, podman's: both refuse
    const differences = [...outcomes(theirs)].flatMap(([number, outcome]) => {
      const own = ours.get(number) ?? '';
      if (own === outcome || (refusals.includes(own) && refusals.includes(outcome))) return [];
      return [`${names.get(number) ?? number}: ${own} here, ${outcome} in podman`];
    });
    t.deepEqual(
      differences.filter((line) => !named.has(line.split(':')[0] ?? '')),
      [],
    );
  },
);

/** Places where only one of the two mounts something. */
const ownMounts =
  /^\/(dev\/(null|zero|full|random|urandom|tty|console|mqueue)|proc\/interrupts|sys\/fs\/cgroup)$/;
const podmanMounts =
  /^\/(run\/\.containerenv|etc\/hostname|sys\/fs\/cgroup(\/.*)?|sys\/dev\/block|dev\/console)$/;

function mountsOf(lines: readonly string[]): Map<string, ReadonlySet<string>> {
  return new Map(
    lines.map((line) => {
      const [place = '', , options = ''] = line.split(' ');
      return [place, new Set(options.split(','))];
    }),
  );
}

compared(
  'SBX-01, SBX-02, SBX-08, SBX-10, SBX-12 everything else is as in podman, but for what is named here',
  async (t) => {
    const text = await inPodman(t, ['/bin/sh', '-c', probeScript]);
    if (text === undefined) return;
    const [theirs, ours] = [sectionsOf(text), sectionsOf((await bench.step(probeScript)).stdout)];
    const only = (name: string, [a, b]: readonly (typeof ours)[]): string[] =>
      (a?.get(name) ?? []).filter((line) => !(b?.get(name) ?? []).includes(line));
    // Docker gives three more than podman: NET_RAW, MKNOD and AUDIT_WRITE.
    const more = (1n << 13n) | (1n << 27n) | (1n << 29n);
    const effective = (sections: typeof ours): bigint =>
      BigInt(`0x${sections.get('capabilities')?.[2]?.split(':')[1] ?? '0'}`);
    t.is(effective(ours) & ~effective(theirs) & ~more, 0n);
    t.deepEqual(
      only('capabilities', [ours, theirs]).filter((line) => !/^Cap(Prm|Eff|Bnd):/.test(line)),
      [],
    );
    t.deepEqual(only('devices', [theirs, ours]), []);
    t.deepEqual(only('devices', [ours, theirs]), ['./core -> /proc/kcore']); // as in Docker
    t.deepEqual(only('descriptors', [ours, theirs]), []);
    t.deepEqual(
      only('limits', [ours, theirs]).filter((line) => !/^Max (processes|open files) /.test(line)),
      [],
    ); // given to podman by hand
    t.deepEqual(
      [...new Set([...only('environment', [theirs, ours]), ...only('environment', [ours, theirs])])]
        .map((line) => line.replace(/=.*/s, ''))
        .filter((name) => !['HOME', 'HOSTNAME', 'PATH', 'TERM', 'container'].includes(name)),
      [],
    );
    t.deepEqual(
      only('hidden', [ours, theirs]).filter((line) => line !== 'interrupts 0'),
      [],
    );
    t.deepEqual(only('read-only', [theirs, ours]), []);
    const [there, here] = [mountsOf(theirs.get('mounts') ?? []), mountsOf(ours.get('mounts') ?? [])];
    t.deepEqual(
      [...here.keys()].filter((place) => !there.has(place) && !ownMounts.test(place)),
      [],
    );
    t.deepEqual(
      [...there.keys()].filter((place) => !here.has(place) && !podmanMounts.test(place)),
      [],
    );
    for (const [place, options] of here) {
      for (const option of ['ro', 'nosuid', 'nodev', 'noexec']) {
        if (place === '/dev' && option === 'noexec') continue; // programs in /dev/pipes of heredocs, as with Docker
        if (there.get(place)?.has(option) === true) t.true(options.has(option), `${place} ${option}`);
      }
    }
  },
);
