/** The whole sandbox on an arm64 kernel, and limits by control groups of version 2, which that kernel has alone. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { groupSettings } from '../../src/executor/limit-settings.js';
import { readHostFacts } from '../../src/executor/host-facts.js';
import { sealedPlayer } from '../../src/executor/sandbox/namespaces.js';
import type { SandboxPlan } from '../../src/executor/sandbox/plan.js';
import { openingProgram, stepProgram } from '../../src/executor/sandbox/program.js';
import { playerElf } from '../../src/sys/player-elf.js';
import { encodeProgram } from '../../src/sys/program.js';
import { hasArm64Machine, onArm64Machine } from '../helpers/arm64-machine.js';
import { pathsIn } from './step-paths.js';

const it = hasArm64Machine ? test : test.skip;

/** What is given to the player: its programs one after the other. */
async function stepBytes(name: string, script: string, plan: Partial<SandboxPlan> = {}): Promise<Buffer> {
  const paths = pathsIn(`/${name}`);
  const { devices, allDevices } = await readHostFacts();
  const secret = { kind: 'secret', target: '/run/s', mode: 0o400, uid: 1000, gid: 0 } as const;
  const all: SandboxPlan = {
    spec: {
      lowers: [{ path: paths.lower, namespace: 'trusted' }],
      process: {
        argv: ['/bin/sh', '-c', `exec > /tmp/out 2>&1; ${script}`],
        env: ['PATH=/bin', 'HOME=/'],
        cwd: '/tmp',
        user: { uid: 1000, gid: 1000, groups: [1000, 7], home: '/' },
      },
      mounts: [],
      network: 'none',
      security: 'sandbox',
      hostname: 'buildkitsandbox',
      extraHosts: [],
      onOutput: () => undefined,
    },
    host: {
      arch: 'arm64',
      initial: true,
      trusted: true,
      singleId: false,
      permitted: (1n << 40n) - 1n,
      lastCapability: 40,
      openFiles: 1024n,
      coreSize: 0n,
      devices,
      allDevices,
      thermalFolders: [],
      resolvConf: new Uint8Array(),
    },
    paths,
    mounts: [
      {
        mount: { ...secret, bytes: Buffer.from('hidden\n') },
        at: { path: 'run/s', inside: [] },
        isDirectory: false,
      },
    ],
    hosts: 'etc/hosts',
    resolvConf: 'etc/resolv.conf',
    attributes: [{ path: paths.upper, uid: 0, gid: 0, mode: 0o755, mtime: 0n }],
    ...plan,
  };
  const opening = openingProgram(all);
  const programs = [sealedPlayer('arm64'), opening].map((each) => encodeProgram(each, 'arm64'));
  return Buffer.concat([...programs, encodeProgram(stepProgram(all), 'arm64', opening)]);
}

/** Makes the folders of a step, starts it, and prints its code and output. */
function stepCommands(name: string): string {
  return `
echo == ${name}; mkdir -p ${Object.values(pathsIn(`/${name}`)).join(' ')}; cd /${name}/lower
mkdir -p bin etc run proc sys dev tmp; busybox chmod 1777 tmp; cp /bin/busybox bin; busybox --install -s bin 2>/dev/null
busybox touch etc/hosts etc/resolv.conf run/s
/player 3</${name}.program 4>/${name}.reports; echo ${name} ended with $?
cat /${name}/upper/tmp/out; echo ${name} left $(busybox ls /${name}/upper)`;
}

const script = `id; uname -m; hostname; pwd; umask; cat /run/s; grep -E '^(CapEff|CapBnd|Seccomp|NoNewPrivs):' /proc/self/status | tr -d '\\t'
for d in / /proc /dev /dev/pts /dev/shm /sys /sys/fs/cgroup /proc/sys /run/s; do grep " $d " /proc/self/mounts | tail -1 | cut -d ' ' -f 2,3,4 | cut -d , -f 1-4; done
unshare -r true; mount -t tmpfs none /tmp; ip -o link | wc -l; ls -d /proc/[0-9]* | wc -l; exit 42`;

it('a step is made, confined and ended on arm64 as on x64; memory and processes are limited', async (t) => {
  t.timeout(240_000);
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-arm64-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const controllers = ['memory', 'pids', 'cpu'] as const;
  const limits = { memory: 64 << 20, pids: 8, cpus: 0.5 };
  const settings = groupSettings({ version: 2, parent: '', controllers }, limits);
  const group = '/sys/fs/cgroup/tsbuild';
  const limited = `cat /proc/self/cgroup; (i=0; while [ $i -lt 20 ]; do sleep 100 & i=$((i+1)); done; echo all started); exec dd if=/dev/zero of=/dev/null bs=100M count=1`;
  const text = await onArm64Machine(
    folder,
    `${stepCommands('plain')}
echo "+memory +pids +cpu" > /sys/fs/cgroup/cgroup.subtree_control; mkdir ${group}
${settings.map(({ file, value }) => `echo ${value} > ${group}/${file} || echo no ${file}`).join('\n')}
${stepCommands('limited')}
busybox grep -x "oom_kill [1-9].*" ${group}/memory.events >/dev/null && echo killed; cat ${group}/cpu.max`,
    {
      player: playerElf('arm64'),
      'plain.program': await stepBytes('plain', script),
      'limited.program': await stepBytes('limited', limited, { groups: [group] }),
    },
  );
  const [plain = '', confined = ''] = text.split(/^(?===)/m);
  t.deepEqual(plain.trim().split('\n'), [
    '== plain',
    'plain ended with 42',
    'uid=1000 gid=1000 groups=7,1000',
    'aarch64',
    'buildkitsandbox',
    '/tmp',
    '0022',
    'hidden',
    'CapEff:0000000000000000',
    'CapBnd:00000000a80425fb',
    'NoNewPrivs:0',
    'Seccomp:2',
    '/ overlay rw,nodev,relatime,lowerdir=64:65',
    '/proc proc rw,nosuid,nodev,noexec',
    '/dev tmpfs rw,nosuid,nodev,size=65536k',
    '/dev/pts devpts rw,nosuid,noexec,relatime',
    '/dev/shm tmpfs rw,nosuid,nodev,noexec',
    '/sys sysfs ro,nosuid,nodev,noexec',
    '/sys/fs/cgroup cgroup2 ro,nosuid,nodev,noexec',
    '/proc/sys proc ro,nosuid,nodev,noexec',
    '/run/s tmpfs ro,nosuid,nodev,noexec',
    'unshare: unshare(0x10000000): Operation not permitted',
    'mount: permission denied (are you root?)',
    '1',
    '4',
    'plain left tmp',
  ]);
  t.regex(confined, /^limited ended with 137\n0::\/$/m);
  t.regex(confined, /can't fork/);
  t.notRegex(confined, /all started/);
  t.regex(confined, /^killed\n50000 100000$/m);
});
