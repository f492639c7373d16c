/** Devices and folders of the machine in a step, as CDI specs give them. */
import { constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { HostMountFlag, StepMount } from '../../src/executor/types.js';
import { Bench, manyIdsTest, mode, rootfulTest, sandboxTest } from './busybox-root.js';

const bench = new Bench();
test.after.always(() => bench.close());

/** /dev/full under another name: every write to it fails for want of space. */
const full = (more: Partial<Extract<StepMount, { kind: 'device' }>> = {}): StepMount => ({
  kind: 'device',
  source: '/dev/full',
  target: '/dev/gpu/mydev',
  mode: constants.S_IFCHR | 0o660,
  major: 1,
  minor: 7,
  ...more,
});

function host(source: string, target: string, flags: readonly HostMountFlag[] = []): StepMount {
  return { kind: 'host', source, target, recursive: false, flags };
}

sandboxTest('a device has its number, and leaves nothing in the layer', async (t) => {
  const { stdout, stderr, upper } = await bench.step(
    'stat -c "%F %t:%T %a %u:%g" /dev/gpu/mydev; grep " /dev/gpu/mydev " /proc/mounts; echo x > /dev/gpu/mydev',
    { mounts: [full({ gid: 7 })] },
  );
  t.regex(stdout, /^character special file 1:7 /);
  // Elsewhere nodes cannot be made: it is the machine's.
  t.regex(stdout, mode === 'rootful' ? / 660 0:7\n/ : / 666 65534:65534\n/);
  t.regex(stdout, /nosuid,noexec/);
  t.regex(stderr, /No space left on device/);
  t.false(existsSync(join(upper, 'dev/gpu')));
});

sandboxTest('a device outside of /dev leaves nothing in the layer', async (t) => {
  const { stderr, upper } = await bench.step('echo x > /opt/devices/full', {
    mounts: [full({ target: '/opt/devices/full' })],
  });
  t.regex(stderr, /No space left on device/);
  t.false(existsSync(join(upper, 'opt')));
});

manyIdsTest('a user of the image can use a device', async (t) => {
  const user = { uid: 1000, gid: 1001, groups: [1001], home: '/' };
  const script = 'stat -c %u:%g /dev/gpu/mydev; echo x > /dev/gpu/mydev';
  const { stdout, stderr } = await bench.step(script, { mounts: [full()], process: { user } });
  t.is(stdout, mode === 'rootful' ? '1000:1001\n' : '65534:65534\n');
  t.regex(stderr, /No space left on device/);
});

sandboxTest('a step with a device can make no other', async (t) => {
  const { code } = await bench.step('mknod /dev/gpu/other c 1 5; head -c 1 /dev/gpu/other', {
    mounts: [full()],
  });
  t.not(code, 0);
});

sandboxTest('a folder and a file of the machine, read-only or not', async (t) => {
  const folder = join(bench.directory, 'vendor');
  mkdirSync(folder);
  writeFileSync(join(folder, 'lib'), 'library');
  const { stdout, code, upper } = await bench.step(
    'cat /opt/vendor/lib /etc/vendor.conf; grep " /opt/vendor " /proc/mounts; echo new > /srv/new && ! echo x > /opt/vendor/x',
    {
      mounts: [
        host(folder, '/opt/vendor', ['ro', 'nosuid', 'nodev', 'noexec']),
        host(join(folder, 'lib'), '/etc/vendor.conf', ['ro']),
        host(folder, '/srv'),
      ],
    },
  );
  t.is(code, 0);
  t.regex(stdout, /^librarylibrary/);
  t.regex(stdout, /ro,nosuid,nodev,noexec/);
  t.is(readFileSync(join(folder, 'new'), 'utf8'), 'new\n');
  for (const path of ['opt', 'srv', 'etc/vendor.conf']) t.false(existsSync(join(upper, path)), path);
});

rootfulTest('what is mounted below a folder of the machine is shown when that is asked for', async (t) => {
  const script = 'ls /hostdev/pts';
  t.is((await bench.step(script, { mounts: [host('/dev', '/hostdev')] })).stdout, '');
  const recursive: StepMount = {
    kind: 'host',
    source: '/dev',
    target: '/hostdev',
    recursive: true,
    flags: [],
  };
  t.regex((await bench.step(script, { mounts: [recursive] })).stdout, /ptmx/);
});

sandboxTest('a target among the files of the kernel is refused', async (t) => {
  await t.throwsAsync(bench.step('true', { mounts: [full({ target: '/proc/gpu' })] }), {
    code: 'run',
    message: /"\/proc\/gpu" is not a place for a mount/,
  });
});
