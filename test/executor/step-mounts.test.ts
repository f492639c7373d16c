import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { StepMount } from '../../src/executor/types.js';
import { Bench, manyIdsTest, mode, sandboxTest } from './busybox-root.js';

const bench = new Bench();
test.after.always(() => bench.close());

const secret = (target: string, more: Partial<Extract<StepMount, { kind: 'secret' }>> = {}): StepMount => ({
  kind: 'secret',
  bytes: Buffer.from('s3cret'),
  target,
  mode: 0o400,
  uid: 0,
  gid: 0,
  ...more,
});

sandboxTest('a secret lies in memory, read-only, with its mode and owner, and leaves nothing', async (t) => {
  const script =
    'cat /run/secrets/a; stat -c " %a %u %g" /run/secrets/a; grep " /run/secrets/a " /proc/mounts; echo x > /run/secrets/a';
  const { stdout, stderr, upper } = await bench.step(script, {
    mounts: [secret('/run/secrets/a', { mode: 0o440, uid: 5, gid: 6 })],
  });
  t.regex(stdout, mode === 'single-id' ? /^s3cret 440 0 0\n/ : /^s3cret 440 5 6\n/);
  t.regex(stdout, /\ntmpfs \/run\/secrets\/a tmpfs ro,nosuid,nodev,noexec/);
  t.regex(stderr, /Read-only/);
  t.false(existsSync(join(upper, 'run')));
});

manyIdsTest('a secret of another user cannot be read', async (t) => {
  const user = { uid: 1000, gid: 1000, groups: [1000], home: '/' };
  t.is((await bench.step('cat /s', { mounts: [secret('/s')], process: { user } })).code, 1);
  t.is(
    (await bench.step('cat /s', { mounts: [secret('/s', { uid: 1000 })], process: { user } })).stdout,
    's3cret',
  );
});

sandboxTest('a secret whose target is a link stays inside the root', async (t) => {
  const outside = join(bench.directory, 'outside');
  mkdirSync(outside);
  const lowers = [
    bench.layer({ 'run/secrets': `-> ${outside}`, loop: '-> loop', up: '-> ../../../../../../target' }),
  ];
  const { stdout } = await bench.step(`cat ${outside}/a /target`, {
    lowers,
    mounts: [secret('/run/secrets/a'), secret('/up')],
  });
  t.is(stdout, 's3crets3cret');
  t.deepEqual(readdirSync(outside), []);
  await t.throwsAsync(bench.step('true', { lowers, mounts: [secret('/loop')] }), {
    code: 'run',
    message: /too many links/,
  });
});

sandboxTest('a file mount can be executed and not changed', async (t) => {
  const bytes = Buffer.from('#!/bin/sh\necho ran\n');
  const mounts: StepMount[] = [{ kind: 'file', bytes, target: '/dev/pipes/EOF', mode: 0o755 }];
  t.is((await bench.step(['/dev/pipes/EOF'], { mounts })).stdout, 'ran\n');
  t.is((await bench.step('echo x > /dev/pipes/EOF', { mounts })).code, 1);
});

sandboxTest('a cache keeps what a step writes; a read-only one refuses', async (t) => {
  const source = join(bench.directory, 'cache');
  mkdirSync(source);
  await bench.step('echo kept > /root/.cache/file', {
    mounts: [{ kind: 'cache', source, target: '/root/.cache', readonly: false }],
  });
  t.is(readFileSync(join(source, 'file'), 'utf8'), 'kept\n');
  const again = await bench.step('cat /c/file; echo x > /c/file', {
    mounts: [{ kind: 'cache', source, target: '/c', readonly: true }],
  });
  t.is(again.stdout, 'kept\n');
  t.not(again.code, 0);
});

sandboxTest('setuid programs in a cache have no effect', async (t) => {
  const source = join(bench.directory, 'cache-setuid');
  mkdirSync(source);
  const mounts: StepMount[] = [{ kind: 'cache', source, target: '/c', readonly: false }];
  await bench.step('cp /bin/busybox /c/id; chmod 4755 /c/id', { mounts });
  const user = { uid: 1000, gid: 1000, groups: [1000], home: '/' };
  t.regex((await bench.step('/c/id', { mounts, process: { user } })).stdout, /^uid=1000 gid=1000/);
});

sandboxTest('a bind is read-only, or its changes are lost', async (t) => {
  const source = bench.layer({ 'dir/file': 'before', other: 'o' });
  const bind = (writable: boolean): StepMount[] => [{ kind: 'bind', source, target: '/src', writable }];
  t.is((await bench.step('echo x > /src/new', { mounts: bind(false) })).code, 1);
  const { stdout, code } = await bench.step(
    'cd /src; echo after > dir/file; rm other; mkdir new; ls; cat dir/file',
    { mounts: bind(true) },
  );
  t.is(code, 0);
  t.is(stdout, 'dir\nnew\nafter\n');
  t.is(readFileSync(join(source, 'dir/file'), 'utf8'), 'before');
  t.deepEqual(readdirSync(source).sort(), ['dir', 'other']);
});

sandboxTest('a single file is bound, read-only or with changes that are lost', async (t) => {
  const source = join(bench.layer({ 'single,with:odd name': 'before' }), 'single,with:odd name');
  for (const writable of [false, true]) {
    const script = 'cat /etc/config; echo after > /etc/config && cat /etc/config';
    const { stdout } = await bench.step(script, {
      mounts: [{ kind: 'bind', source, target: '/etc/config', writable }],
    });
    t.is(stdout, writable ? 'beforeafter\n' : 'before');
  }
  t.is(readFileSync(source, 'utf8'), 'before');
});

sandboxTest('a tmpfs has its size and leaves nothing', async (t) => {
  const { stdout, upper } = await bench.step(
    'dd if=/dev/zero of=/t/f bs=1k count=100 2>/dev/null; stat -c %s /t/f',
    {
      mounts: [{ kind: 'tmpfs', target: '/t', size: 65536 }],
    },
  );
  t.is(stdout, '65536\n');
  t.false(existsSync(join(upper, 't')));
});

sandboxTest('mounts inside mounts, in their order', async (t) => {
  const cache = join(bench.directory, 'cache-outer');
  mkdirSync(cache);
  const { stdout } = await bench.step('cat /run/secrets/deep/a /c/sub/b; ls /c', {
    mounts: [
      { kind: 'tmpfs', target: '/run', size: undefined },
      secret('/run/secrets/deep/a'),
      { kind: 'cache', source: cache, target: '/c', readonly: false },
      secret('/c/sub/b'),
    ],
  });
  t.is(stdout, 's3crets3cretsub\n');
});

sandboxTest('a link that a hostile cache holds does not lead a mount out of it', async (t) => {
  const [cache, outside] = [join(bench.directory, 'hostile'), join(bench.directory, 'victim')];
  mkdirSync(cache);
  mkdirSync(outside);
  await bench.step(`ln -s ${outside} /c/sub; ln -s / /c/root`, {
    mounts: [{ kind: 'cache', source: cache, target: '/c', readonly: false }],
  });
  for (const target of ['/c/sub/a', '/c/root/a']) {
    const mounts: StepMount[] = [
      { kind: 'cache', source: cache, target: '/c', readonly: false },
      secret(target),
    ];
    await t.throwsAsync(bench.step('true', { mounts }), { code: 'sandbox', message: /ELOOP/ });
  }
  t.deepEqual(readdirSync(outside), []);
});

for (const target of [
  '/',
  '/.',
  '/proc',
  '/proc/sys',
  '/sys',
  '/sys/fs/x',
  '/dev',
  '/tmp/../proc',
  '/to-proc/x',
]) {
  sandboxTest(`${target} is no target for a mount`, async (t) => {
    const lowers = [bench.layer({ 'to-proc': '-> /proc' })];
    const mounts: StepMount[] = [{ kind: 'tmpfs', target, size: undefined }];
    await t.throwsAsync(bench.step('true', { lowers, mounts }), {
      code: 'run',
      message: /is not a place for a mount/,
    });
  });
}

sandboxTest('a target of another kind than the mount is an error', async (t) => {
  await t.throwsAsync(bench.step('true', { mounts: [secret('/tmp')] }), {
    code: 'run',
    message: /is a directory in the image/,
  });
  const mounts: StepMount[] = [{ kind: 'tmpfs', target: '/bin/busybox', size: undefined }];
  await t.throwsAsync(bench.step('true', { mounts }), { code: 'run', message: /is a file in the image/ });
  await t.throwsAsync(bench.step('true', { mounts: [secret('/bin/busybox/x')] }), {
    code: 'run',
    message: /below a file/,
  });
});

sandboxTest('a cache of mode 0700 is entered by root only, and its mode is seen', async (t) => {
  const source = join(bench.directory, 'private');
  mkdirSync(source, { mode: 0o700 });
  writeFileSync(join(source, 'f'), 'x');
  const { stdout } = await bench.step('stat -c %a /c', {
    mounts: [{ kind: 'cache', source, target: '/c', readonly: false }],
  });
  t.is(stdout, '700\n');
  t.is(statSync(source).mode & 0o777, 0o700);
});

sandboxTest('a bind whose source is a link is refused', async (t) => {
  const source = join(bench.layer({ link: '-> /etc' }), 'link');
  for (const writable of [false, true]) {
    const mounts: StepMount[] = [{ kind: 'bind', source, target: '/b', writable }];
    await t.throwsAsync(bench.step('ls /b', { mounts }), {
      code: 'run',
      message: /symbolic link as its source/,
    });
  }
});
