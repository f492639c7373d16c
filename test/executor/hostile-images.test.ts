/** Images that plant links where the sandbox mounts something. */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { makeNodes } from '../../src/sys/nodes.js';
import { ownOverlayNamespace } from '../../src/layers/own-namespace.js';
import { Bench, mode, rootfulTest, sandboxTest } from './busybox-root.js';

const bench = new Bench();
test.after.always(() => bench.close());

const canary = join(bench.directory, 'canary');
mkdirSync(canary);
writeFileSync(join(canary, 'file'), 'untouched');

function untouched(t: { deepEqual(actual: unknown, expected: unknown): void }): void {
  t.deepEqual(readdirSync(canary), ['file']);
  t.deepEqual(readFileSync(join(canary, 'file'), 'utf8'), 'untouched');
}

const up = '../'.repeat(20).slice(0, -1);
const check = `test -c /dev/null && test -d /proc/self && test -d ${mode === 'rootful' ? '/sys/kernel' : '/sys'} && test -L /dev/fd && grep -q localhost /etc/hosts && echo good`;

const plants: readonly [name: string, files: Readonly<Record<string, string>>][] = [
  ['/dev is a link to a host directory', { dev: `-> ${up}${canary}` }],
  ['/dev is a link inside the image', { dev: '-> elsewhere', 'elsewhere/': '' }],
  ['/dev is a file', { dev: 'file' }],
  [
    '/dev/null, /dev/pts and /dev/ptmx are links',
    {
      'dev/null': '-> /proc/sys/kernel/core_pattern',
      'dev/pts': `-> ${canary}`,
      'dev/ptmx': `-> ${canary}/file`,
    },
  ],
  ['/dev/console and /dev/shm are links', { 'dev/console': `-> ${canary}/file`, 'dev/shm': `-> ${canary}` }],
  ['/proc is a link', { proc: '-> /bad', 'bad/': '' }],
  ['/proc is a link out', { proc: `-> ${up}${canary}` }],
  ['/sys is a link', { sys: `-> ${canary}` }],
  ['/proc holds files', { 'proc/sys/kernel/x': '', 'proc/self': '-> /' }],
  ['/etc is a link out', { etc: `-> ${up}${canary}` }],
  ['/etc is a link to /proc', { etc: '-> /proc' }],
  ['/etc is a link into the image', { etc: '-> usr/etc', 'usr/etc/passwd': '' }],
  ['/etc is a file', { etc: 'file' }],
  [
    '/etc/hosts is a link out',
    { 'etc/hosts': `-> ${up}${canary}/file`, 'etc/resolv.conf': `-> ${canary}/other` },
  ],
  ['/etc/hosts is a link to itself', { 'etc/hosts': '-> hosts', 'etc/resolv.conf': '-> ../etc/resolv.conf' }],
  ['/etc/hosts is a directory', { 'etc/hosts/': '', 'etc/resolv.conf/': '' }],
  [
    '/etc/resolv.conf is a dangling link',
    { 'etc/resolv.conf': '-> ../run/systemd/resolve/stub-resolv.conf' },
  ],
  ['/etc/resolv.conf is a link to /proc', { 'etc/resolv.conf': '-> /proc/net/pnp' }],
];

for (const [name, files] of plants) {
  sandboxTest(name, async (t) => {
    const { stdout, stderr, upper } = await bench.step(check, { lowers: [bench.layer(files)] });
    t.is(stdout, 'good\n', stderr);
    t.deepEqual(
      readdirSync(upper).filter((entry) => !['dev', 'proc', 'sys'].includes(entry)),
      [],
    );
    untouched(t);
  });
}

sandboxTest('masks hold although the image has its own /dev/null', async (t) => {
  const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8');
  const lowers = [bench.layer({ 'dev/null': '-> /proc/sys/kernel/core_pattern' })];
  const { stdout } = await bench.step('cat /proc/timer_list /proc/keys | wc -c; echo evil > /dev/null', {
    lowers,
  });
  t.is(stdout, '0\n');
  t.is(readFileSync('/proc/sys/kernel/core_pattern', 'utf8'), pattern);
});

sandboxTest('a redirect attribute forged in a layer is not followed', async (t) => {
  const below = bench.layer({ 'private/secret': 'below' });
  const above = bench.layer({ 'shown/': '' });
  const { applyAttributes } = await import('../../src/sys/attributes.js');
  await applyAttributes([
    {
      path: `${above}/shown`,
      xattrs: new Map([
        [`${ownOverlayNamespace(bench.directory)}.overlay.redirect`, Buffer.from('/private')],
      ]),
    },
  ]);
  const { stdout, code } = await bench.step('ls /shown', { lowers: [below, above] });
  t.is(stdout, '');
  t.true(code === 0 || code === 1); // kernels refuse the directory or show it empty
});

rootfulTest('devices that a layer brings cannot be opened', async (t) => {
  const layer = bench.layer({ 'dev/': '' });
  await makeNodes([{ path: `${layer}/disk`, type: 'block', mode: 0o666, major: 254, minor: 0 }]);
  const { stdout, stderr } = await bench.step('dd if=/disk of=/dev/null count=1 && echo read', {
    lowers: [layer],
  });
  t.is(stdout, '');
  t.regex(stderr, /Permission denied/);
});

sandboxTest('a step that wrecks its root is cleaned up', async (t) => {
  const script = `
    chmod 000 / /etc /tmp 2>/dev/null; mkdir -m 000 /closed; mkdir /tmp/x
    mv /bin /moved 2>/dev/null; /moved/rm -rf /moved /tmp 2>/dev/null; rm -rf /tmp /etc 2>/dev/null; exit 0`;
  const { code, upper } = await bench.step(script);
  t.is(code, 0);
  t.true(lstatSync(upper).isDirectory());
  await (await bench.executor).discard({ path: upper, namespace: ownOverlayNamespace(bench.directory) });
  t.false(existsSync(upper));
  untouched(t);
});
