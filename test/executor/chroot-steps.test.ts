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
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
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

const secret = (bytes: Uint8Array, options: { readonly mode?: number; readonly uid?: number } = {}) =>
  ({ kind: 'secret', bytes, target: '/run/secrets/s', mode: 0o400, uid: 0, gid: 0, ...options }) as const;

sandboxTest(
  'SBX-20 a secret is read from a pipe, as often as it is wanted, and never is on the disk',
  async (t) => {
    const bytes = Buffer.from('CHROOT-SECRET-BYTES\n');
    const script = `
    for i in 1 2 3; do cat /run/secrets/s; done; head -c 3 /run/secrets/s; cat /run/secrets/s | wc -c
    stat -c '%F %a %u' /run/secrets/s; grep -l CHROOT-SECRET ${bench.directory}/* 2>/dev/null
    rm /run/secrets/s; ls /run/secrets; rmdir /run/secrets; echo gone; mkdir /run/secrets; echo mine > /run/secrets/own`;
    const inTime = (): string[] => filesWith(bench.directory, bytes);
    let found: string[] = [];
    const { stdout, upper } = await bench.step(script, {
      mounts: [secret(bytes, { uid: 7 })],
      onOutput: () => (found = [...found, ...inTime()]),
    });
    t.is(stdout, '');
    t.deepEqual([...found, ...inTime()], []);
    t.deepEqual(readdirSync(join(upper, 'run/secrets')), ['own']);
    const again = await bench.step(script, { mounts: [secret(bytes, { uid: 7 })] });
    t.is(again.stdout, `${bytes.toString().repeat(3)}CHR20\nfifo 400 7\ngone\n`);
  },
);

/** Files below a folder that hold these bytes; pipes are not read. */
function filesWith(folder: string, bytes: Buffer): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesWith(path, bytes);
    return entry.isFile() && readFileSync(path).includes(bytes) ? [path] : [];
  });
}

sandboxTest(
  'a secret of 500 KiB, an empty one, and one that is read many times, and by several at once',
  async (t) => {
    const large = Buffer.alloc(500 << 10, 'x');
    const read = 'cat /run/secrets/s | wc -c';
    t.is((await bench.step(read, { mounts: [secret(large)] })).stdout, `${large.length}\n`);
    t.is((await bench.step(read, { mounts: [secret(new Uint8Array())] })).stdout, '0\n');
    const many = await bench.step(
      'cd /run/secrets; exec 3<s; read a <&3; exec 4<s; read b <&4; i=0; while [ $i -lt 100 ]; do cat s; i=$((i+1)); done; cat <&4; cat <&3; echo $a $b',
      { mounts: [secret(Buffer.from('1\n2\n'))] },
    );
    t.is(many.stdout, `${'1\n2\n'.repeat(100)}2\n2\n1 1\n`);
  },
);

sandboxTest('SBX-20 a link that a step puts in the place of a secret leads nowhere', async (t) => {
  const victim = join(bench.directory, 'victim');
  mkdirSync(victim);
  const script = `
    mv /run/secrets /run/old; ln -s ${victim} /run/secrets; cat /run/old/s; cat /run/old/s; ls /run/old`;
  const { stdout } = await bench.step(script, { mounts: [secret(Buffer.from('still\n'))] });
  t.is(stdout, 'still\nstill\ns\n');
  t.deepEqual(readdirSync(victim), []);
});

sandboxTest('a secret can be read by its user only', async (t) => {
  const user = { uid: 7, gid: 7, groups: [7], home: '/' };
  const read = (uid: number) =>
    bench.step('cat /run/secrets/s', { process: { user }, mounts: [secret(Buffer.from('mine'), { uid })] });
  t.is((await read(7)).stdout, 'mine');
  t.not((await read(8)).code, 0);
});

sandboxTest('a socket is shown to the step and stays outside of its layer', async (t) => {
  const path = join(bench.directory, 'socket');
  const server = createServer((client) => client.end('from the agent\n'));
  await new Promise<void>((resolve) => server.listen(path, () => resolve()));
  t.teardown(() => server.close());
  const { stdout, upper } = await bench.step(
    'nc local:/run/agent </dev/null || nc -U /run/agent </dev/null; stat -c %F /run/agent',
    { mounts: [{ kind: 'bind', source: path, target: '/run/agent', writable: false }] },
  );
  t.regex(stdout, /socket/);
  t.false(existsSync(join(upper, 'run')));
});

sandboxTest('a limit of memory holds in chroot mode too', async (t) => {
  const { code } = await bench.step('exec dd if=/dev/zero of=/dev/null bs=300M count=1', {
    limits: { memory: 64 << 20 },
  });
  t.not(code, 0);
});

sandboxTest('what cannot be kept is refused', async (t) => {
  for (const options of [{ network: 'none' }, { security: 'insecure' }] as const) {
    await t.throwsAsync(bench.step('true', options), { code: 'sandbox' });
  }
});

sandboxTest('the input of a step reaches it whole, and ends', async (t) => {
  for (let round = 0; round < 20; round += 1) {
    const source = Readable.from([`${round}\n`, 'x'.repeat(100_000)]);
    const { code, stdout } = await bench.step('read line; echo $line; wc -c', {
      input: { kind: 'pipe', source },
    });
    t.deepEqual([code, stdout], [0, `${round}\n100000\n`]);
  }
});
