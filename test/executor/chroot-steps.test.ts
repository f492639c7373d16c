/** Steps in chroot mode; run by chroot.test.ts in a container's place as well. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { ownOverlayNamespace } from '../../src/layers/own-namespace.js';
import { Bench, sandboxTest } from './busybox-root.js';

const bench = new Bench('chroot');
test.after.always(() => bench.close());

const canary = join(bench.directory, 'canary');
mkdirSync(canary);
writeFileSync(join(canary, 'secret'), 'CANARY-BYTES');

sandboxTest('SBX-25 neither the root can be left nor another one entered', async (t) => {
  const script = `
    cat ${canary}/secret; ls -d ${bench.directory}; cat /proc/1/environ; ls /proc/1/root
    mkdir -p /tmp/jail; chroot /tmp/jail /bin/sh -c true; mount -t tmpfs none /tmp; unshare -m true
    mknod /disk b 254 0 && cat /disk; mknod /tmp/mem c 1 1 && cat /tmp/mem`;
  const { stdout, stderr } = await bench.step(script);
  t.is(stdout, '');
  const refused = stderr.trim().split('\n');
  t.deepEqual(
    refused.filter((line) => !/not permitted|No such file|denied|can't/.test(line)),
    [],
  );
  t.true(refused.length >= 8, stderr);
});

sandboxTest('SBX-25 a step that kills its parent ends', async (t) => {
  const { code } = await bench.step('kill -9 $PPID 2>/dev/null && sleep 1000; exit 3');
  t.true(code === 3 || code === 137); // from Landlock 6 on it cannot
});

sandboxTest('SBX-02 SBX-10 no descriptor and no variable of the builder', async (t) => {
  process.env['TSBUILD_CANARY'] = 'CANARY-ENV';
  const { stdout } = await bench.step(
    'env; for fd in 3 4 5 6 7 8 9 10 11 12; do (: >&$fd) 2>/dev/null && echo open $fd; done',
  );
  t.deepEqual(
    stdout
      .trim()
      .split('\n')
      .filter((line) => !/^(PATH=\/bin|HOME=\/root|PWD=\/|SHLVL=\d)$/.test(line)),
    [],
  );
});

sandboxTest('SBX-12 umask and core files; new privileges cannot be had', async (t) => {
  t.is((await bench.step('umask; ulimit -c')).stdout, '0022\n0\n');
});

sandboxTest('SBX-16 what a step leaves running is ended', async (t) => {
  const folder = join(bench.directory, 'cache-daemons');
  mkdirSync(folder);
  const script = `
    (trap "" TERM HUP INT; setsid sh -c 'while :; do echo x >> /cache/alive; usleep 1000; done' &) &
    while ! [ -s /cache/alive ]; do usleep 1000; done
    exit 3`;
  const { code } = await bench.step(script, {
    mounts: [{ kind: 'cache', source: folder, target: '/cache', readonly: false }],
  });
  t.is(code, 3);
  const { size } = statSync(join(folder, 'alive'));
  await bench.step('true');
  t.is(statSync(join(folder, 'alive')).size, size);
});

sandboxTest('an abort ends everything', async (t) => {
  const controller = new AbortController();
  const running = bench.step('sleep 1000 & echo up; sleep 1000', {
    signal: controller.signal,
    onOutput: () => controller.abort(new Error('enough')),
  });
  await t.throwsAsync(running, { code: 'cancelled' });
});

sandboxTest('the upper holds what the step changed, and nothing else', async (t) => {
  const lowers = [
    bench.layer({ 'a/b': 'x', 'a/c': 'y', 'gone/x': '', 'etc/hosts': 'image', 'links/one': '1' }),
  ];
  const script = `
    echo new > /a/b; rm -r /gone; mkdir /made; ln -s x /made/link; touch /dev/mine; echo ours > /etc/hosts
    ln /links/one /links/two; mv /a/c /a/d; cat /dev/zero | head -c 1 > /dev/null`;
  const { code, upper } = await bench.step(script, { lowers });
  t.is(code, 0);
  const list = (path: string): string[] => readdirSync(join(upper, path)).sort();
  t.deepEqual(
    list('').filter((name) => !['proc', 'sys', 'dev', 'etc'].includes(name)),
    ['a', 'gone', 'links', 'made'],
  );
  t.deepEqual(list('a'), ['b', 'c', 'd']);
  t.true(lstatSync(join(upper, 'gone')).isCharacterDevice());
  t.true(lstatSync(join(upper, 'a/c')).isCharacterDevice());
  t.deepEqual([list('dev'), list('etc')], [[], []]);
  t.deepEqual(list('links'), ['two']);
  t.is(readFileSync(join(upper, 'a/b'), 'utf8'), 'new\n');
});

sandboxTest('two steps on one parent do not see each other; a lineage goes on', async (t) => {
  const [one, two] = await Promise.all([
    bench.step('echo 1 > /mine; ls /yours'),
    bench.step('echo 2 > /yours; ls /mine'),
  ]);
  t.deepEqual([one?.code, two?.code], [1, 1]);
  const first = await bench.step('echo 1 > /kept');
  t.is((await bench.step('cat /kept; rm /kept; ls /', { lowers: [first.upper] })).stdout.split('\n')[0], '1');
  t.is((await bench.step('cat /kept', { lowers: [first.upper] })).stdout, '1\n');
});

sandboxTest('copies stand in for mounts, and nothing of them stays', async (t) => {
  const source = bench.layer({ file: 'shown', 'sub/x': '1' });
  const cache = join(bench.directory, 'cache-kept');
  mkdirSync(cache);
  const { stdout, upper } = await bench.step(
    'cat /b/file /script; touch /b/new /cache/kept /t/x; rm /etc/resolv.conf; cat /v/x; ls /run/a',
    {
      mounts: [
        { kind: 'bind', source, target: '/b', writable: true },
        { kind: 'cache', source: cache, target: '/cache', readonly: false },
        { kind: 'tmpfs', target: '/t', size: undefined },
        { kind: 'tmpfs', target: '/run/a/b', size: undefined },
        { kind: 'file', target: '/script', bytes: Buffer.from('text'), mode: 0o755 },
        {
          kind: 'view',
          lowers: [{ path: source, namespace: ownOverlayNamespace(bench.directory) }],
          path: 'sub',
          isDirectory: true,
          target: '/v',
          writable: false,
        },
      ],
    },
  );
  t.is(stdout, 'showntext1b\n');
  t.deepEqual(
    readdirSync(upper).filter((name) => !['proc', 'sys', 'dev'].includes(name)),
    [],
  );
  t.deepEqual(readdirSync(cache), ['kept']);
  t.false(existsSync(join(source, 'new')));
});

sandboxTest('what cannot be kept is refused', async (t) => {
  const secret = {
    kind: 'secret',
    bytes: Buffer.from('x'),
    target: '/s',
    mode: 0o400,
    uid: 0,
    gid: 0,
  } as const;
  for (const options of [
    { network: 'none' },
    { security: 'insecure' },
    { mounts: [secret] },
    { limits: { memory: 1 << 20 } },
  ] as const) {
    await t.throwsAsync(bench.step('true', options), { code: 'sandbox' });
  }
  t.is((await bench.step('ls /s 2>/dev/null; echo fine')).stdout, 'fine\n');
});
