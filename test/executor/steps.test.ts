/** Results of steps: exit status, what is in the upper, failures to start. */
import { existsSync, lstatSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import test from 'ava';
import { applyAttributes } from '../../src/sys/attributes.js';
import { makeNodes } from '../../src/sys/nodes.js';
import { readXattrs } from '../../src/sys/xattrs.js';
import { ownOverlayNamespace } from '../../src/layers/own-namespace.js';
import { Bench, manyIdsTest, sandboxTest, singleIdTest } from './busybox-root.js';

const bench = new Bench();
test.after.always(() => bench.close());

sandboxTest('the exit code is passed on; a signal is 128 and its number', async (t) => {
  t.deepEqual(await codeOf('exit 0'), [0, undefined]);
  t.deepEqual(await codeOf('exit 42'), [42, undefined]);
  t.deepEqual(await codeOf('exit 255'), [255, undefined]);
  t.deepEqual(await codeOf('kill -TERM $$'), [143, 'SIGTERM']);
  t.deepEqual(await codeOf('kill -KILL $$'), [137, 'SIGKILL']);
});

async function codeOf(script: string): Promise<[number, string | undefined]> {
  const { code, signal } = await bench.step(script);
  return [code, signal];
}

sandboxTest('a command that is not there is 127 and says so', async (t) => {
  for (const argv of [['/bin/bash', '-c', 'x'], ['absent']]) {
    const { code, stderr } = await bench.step(argv);
    t.is(code, 127);
    t.is(stderr, `${JSON.stringify(argv[0])}: not found in the image\n`);
  }
});

sandboxTest('an empty image has no shell, and no file but ours', async (t) => {
  const executor = await bench.executor;
  const chunks: Uint8Array[] = [];
  const result = await executor.run(
    {
      lowers: [],
      process: {
        argv: ['/bin/sh', '-c', 'true'],
        env: [],
        cwd: '/',
        user: { uid: 0, gid: 0, groups: [0], home: '/' },
      },
      mounts: [],
      network: 'none',
      security: 'sandbox',
      hostname: 'h',
      extraHosts: [],
      onOutput: (_, chunk) => chunks.push(chunk),
    },
    { signal: new AbortController().signal, emit: () => undefined },
  );
  t.false(result.ok);
  t.is(Buffer.concat(chunks).toString(), '"/bin/sh": not found in the image\n');
  t.deepEqual(readdirSync(result.upper.path).sort(), ['dev', 'proc', 'sys']);
  t.is(statSync(result.upper.path).mode & 0o7777, 0o755);
});

sandboxTest('a file that cannot be executed is 126, one without its interpreter says so', async (t) => {
  const lowers = [bench.layer({ plain: 'no program', script: '#!/absent/interpreter\n', broken: '\x7fELF' })];
  await applyAttributes(['script', 'broken'].map((name) => ({ path: `${lowers[0]}/${name}`, mode: 0o755 })));
  const cases = [
    ['/plain', 126, /permission denied/],
    ['/script', 127, /its interpreter or dynamic loader is not in the image/],
    ['/broken', 126, /not an executable for this machine/],
    ['/tmp', 126, /permission denied/],
  ] as const;
  for (const [command, code, message] of cases) {
    const step = await bench.step([command], { lowers });
    t.is(step.code, code, command);
    t.regex(step.stderr, message);
  }
});

sandboxTest('a command without a slash is looked up in PATH, folder after folder', async (t) => {
  const lowers = [
    bench.layer({ 'a/tool': '', 'b/tool': '#!/bin/sh\necho b', 'c/tool': '#!/bin/sh\necho c' }),
  ];
  await applyAttributes(['b', 'c'].map((name) => ({ path: `${lowers[0]}/${name}/tool`, mode: 0o755 })));
  const { stdout } = await bench.step(['tool'], { lowers, process: { env: ['PATH=/absent:/a:/b:/c'] } });
  t.is(stdout, 'b\n');
  t.is((await bench.step(['true'], { process: { env: [] } })).code, 0);
});

sandboxTest('a working directory that is absent is an error', async (t) => {
  await t.throwsAsync(bench.step('pwd', { process: { cwd: '/absent' } }), {
    code: 'run',
    message: /"\/absent" does not exist/,
  });
  t.is((await bench.step('pwd', { process: { cwd: '/tmp' } })).stdout, '/tmp\n');
});

sandboxTest('a working directory that only root may enter is entered for any user', async (t) => {
  const lowers = [bench.layer({ 'closed/': '' })];
  await applyAttributes([{ path: `${lowers[0]}/closed`, mode: 0o700 }]);
  const user = { uid: 5, gid: 5, groups: [5], home: '/' };
  t.is((await bench.step('echo in', { lowers, process: { cwd: '/closed', user } })).stdout, 'in\n');
});

sandboxTest('a NUL in the command is an error', async (t) => {
  await t.throwsAsync(bench.step(['a\0b']), { code: 'run' });
  await t.throwsAsync(bench.step('true', { process: { env: ['A=\0'] } }), { code: 'run' });
});

sandboxTest('the upper holds what the step changed, and nothing else', async (t) => {
  const lowers = [
    bench.layer({
      'etc/old': 'x',
      'etc/kept': 'x',
      'var/deep/file': 'x',
      'proc/': '',
      'sys/': '',
      'dev/': '',
    }),
  ];
  const { upper } = await bench.step('echo new > /etc/new; rm /etc/old; rm -r /var/deep; mkdir /made', {
    lowers,
  });
  t.deepEqual(readdirSync(upper).sort(), ['etc', 'made', 'var']);
  t.deepEqual(readdirSync(join(upper, 'etc')).sort(), ['new', 'old']);
  t.is(lstatSync(join(upper, 'etc/old')).rdev, 0);
  t.true(lstatSync(join(upper, 'etc/old')).isCharacterDevice());
});

sandboxTest(
  'a step that writes nothing has an empty upper; /proc, /sys and /dev appear where the image lacks them',
  async (t) => {
    const first = await bench.step('true');
    t.deepEqual(readdirSync(first.upper).sort(), ['dev', 'proc', 'sys']);
    const second = await bench.step('true', { lowers: [first.upper] });
    t.deepEqual(readdirSync(second.upper), []);
  },
);

manyIdsTest(
  'mount points leave no trace, and their parents keep mode, owner, times and attributes',
  async (t) => {
    const layer = bench.layer({ 'srv/file': '', 'proc/': '', 'sys/': '', 'dev/': '' });
    const xattrs = new Map([['user.mark', Uint8Array.of(1, 255)]]);
    await applyAttributes([
      { path: `${layer}/srv`, mode: 0o1710, uid: 12, gid: 13, mtime: 1_234_567_890_123_456_789n, xattrs },
      { path: layer, mode: 0o711, uid: 3, gid: 4, mtime: 987_654_321n },
    ]);
    const source = bench.layer({ file: 'bound' });
    const { stdout, upper } = await bench.step(
      'cat /srv/a/b/file; stat -c "%a %u %g %Y" /srv /; touch /srv/a/left',
      {
        lowers: [layer],
        mounts: [{ kind: 'bind', source, target: '/srv/a/b', writable: false }],
      },
    );
    t.is(stdout, 'bound1710 12 13 1234567890\n711 3 4 0\n');
    t.deepEqual(readdirSync(upper), ['srv']);
    t.is(statSync(join(upper, 'srv'), { bigint: true }).mtimeNs, 1_234_567_890_123_456_789n);
    t.deepEqual(
      (await readXattrs([join(upper, 'srv')])).get(join(upper, 'srv'))?.get('user.mark'),
      Uint8Array.of(1, 255),
    );
    t.deepEqual(readdirSync(join(upper, 'srv/a')), ['left']); // what the step put beside a mount point stays, and its folder
    t.is(statSync(upper, { bigint: true }).mtimeNs, 987_654_321n);
    const none = await bench.step('touch /srv/a/gone; rm /srv/a/gone', {
      lowers: [layer],
      mounts: [{ kind: 'bind', source, target: '/srv/a/b', writable: false }],
    });
    t.deepEqual(readdirSync(join(none.upper, 'srv')), []);
    t.is(statSync(join(none.upper, 'srv'), { bigint: true }).mtimeNs, 1_234_567_890_123_456_789n);
  },
);

sandboxTest('120 lower directories mount, the topmost wins', async (t) => {
  const lowers = Array.from({ length: 120 }, (_, index) =>
    bench.layer({ top: `${index}`, [`own-${index}`]: '' }),
  );
  const { stdout } = await bench.step('cat /top; ls -d /own-* | wc -l', { lowers });
  t.is(stdout.replace(/\s+/g, ' '), '119120 ');
});

sandboxTest(
  'whiteouts and opaque directories of the image count when mount points are looked up',
  async (t) => {
    const below = bench.layer({
      'opt/secrets': '-> /elsewhere',
      'etc/hosts': '-> /kept',
      'data/x': '-> /wrong',
    });
    const above = bench.layer({ 'opt/': '', 'etc/': '', 'data/': '' });
    await makeNodes([{ path: `${above}/etc/hosts`, type: 'char', mode: 0, major: 0, minor: 0 }]);
    await applyAttributes([
      {
        path: `${above}/data`,
        xattrs: new Map([[`${ownOverlayNamespace(bench.directory)}.overlay.opaque`, Buffer.from('y')]]),
      },
    ]);
    const { stdout } = await bench.step(
      'ls -d /elsewhere /wrong /kept; df /data/x /elsewhere | grep -c tmpfs; ls -l /etc/hosts',
      {
        lowers: [below, above],
        mounts: [
          { kind: 'tmpfs', target: '/data/x', size: 4096 },
          { kind: 'tmpfs', target: '/opt/secrets', size: 4096 },
        ],
      },
    );
    t.regex(stdout, /^\/elsewhere\n2\n-rw-r--r--/);
  },
);

sandboxTest('an abort kills everything in the sandbox before the run is rejected', async (t) => {
  const cache = join(bench.directory, 'cache-abort');
  mkdirSync(cache);
  const controller = new AbortController();
  const script =
    '(setsid sh -c "while :; do echo x >> /cache/alive; usleep 500; done" &); echo up; sleep 1000';
  const running = bench.step(script, {
    signal: controller.signal,
    mounts: [{ kind: 'cache', source: cache, target: '/cache', readonly: false }],
    onOutput: () => controller.abort(),
  });
  await t.throwsAsync(running, { code: 'cancelled' });
  const size = existsSync(join(cache, 'alive')) ? statSync(join(cache, 'alive')).size : 0;
  await bench.step('true');
  t.is(existsSync(join(cache, 'alive')) ? statSync(join(cache, 'alive')).size : 0, size);
  await t.throwsAsync(bench.step('true', { signal: AbortSignal.abort() }), { code: 'cancelled' });
});

sandboxTest('steps run side by side', async (t) => {
  const steps = await Promise.all(
    Array.from({ length: 8 }, (_, index) => bench.step(`echo ${index} > /file; cat /file`)),
  );
  t.deepEqual(
    steps.map(({ stdout }) => stdout),
    Array.from({ length: 8 }, (_, index) => `${index}\n`),
  );
});

sandboxTest(
  'SBX-14 no network but loopback with network none, and no abstract sockets of the host',
  async (t) => {
    const script =
      'ls /sys/class/net; cat /proc/net/route | wc -l; cat /proc/net/unix | wc -l; ping -c 1 -w 1 127.0.0.1 >/dev/null && echo lo';
    const { stdout } = await bench.step(script, { network: 'none' });
    t.is(stdout.replace(/[ \n]+/g, ' '), 'lo 1 1 lo ');
  },
);

sandboxTest('an insecure step has the rights of the builder', async (t) => {
  const script = 'grep -E "^(CapEff|Seccomp:)" /proc/self/status; mount -t tmpfs none /tmp && echo mounted';
  const { stdout } = await bench.step(script, { security: 'insecure' });
  const own = /^CapPrm:\s+(\w+)/m.exec(
    await (await import('node:fs/promises')).readFile('/proc/self/status', 'latin1'),
  )?.[1];
  t.deepEqual(stdout.replaceAll('\t', ' ').trim().split('\n'), [`CapEff: ${own}`, 'Seccomp: 0', 'mounted']);
});

sandboxTest('nothing is left of a step but its upper', async (t) => {
  const own = new Bench();
  t.teardown(() => own.close());
  const { upper } = await own.step('true');
  const scratch = join(upper, '..');
  t.deepEqual(readdirSync(scratch).sort(), ['1.upper', 'lock']);
  await (await own.executor).discard({ path: upper, namespace: ownOverlayNamespace(bench.directory) });
  t.deepEqual(readdirSync(scratch), ['lock']);
});

singleIdTest('SBX-26 owners, groups and devices are accepted and not made; apt stays root', async (t) => {
  const lowers = [bench.layer({ 'etc/apt/apt.conf.d/': '', file: '' })];
  const script = `
    chown 33:33 /file && stat -c %u:%g /file; mknod /disk b 8 0 && ls /disk 2>/dev/null; mkfifo /pipe && ls /pipe
    cat /etc/apt/apt.conf.d/*; id -u`;
  const { stdout, upper } = await bench.step(script, { lowers });
  t.is(stdout, '0:0\n/pipe\nAPT::Sandbox::User "root";\n0\n');
  t.false(existsSync(join(upper, 'etc')));
});

sandboxTest('the input of a step reaches it whole, and ends', async (t) => {
  const runs = Array.from({ length: 20 }, async (_, index) => {
    const source = Readable.from([`${index}\n`, 'x'.repeat(100_000)]);
    const { code, stdout } = await bench.step('read line; echo $line; wc -c', {
      input: { kind: 'pipe', source },
    });
    t.deepEqual([code, stdout], [0, `${index}\n100000\n`]);
  });
  await Promise.all(runs);
});
