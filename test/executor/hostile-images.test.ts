/** Images that plant links where the sandbox mounts something. */
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { makeNodes } from '../../src/sys/nodes.js';
import { ownOverlayNamespace } from '../../src/layers/own-namespace.js';
import { Bench, mode, rootfulTest, sandboxTest } from './busybox-root.js';

const bench = new Bench();
test.after.always(() => bench.close());

const { path: canary, assertUntouched: untouched } = bench.makeCanary();

const up = '../'.repeat(20).slice(0, -1);
const check = `test -c /dev/null && test -d /proc/self && test -d ${mode === 'rootful' ? '/sys/kernel' : '/sys'} && test -L /dev/fd && grep -q localhost /etc/hosts && echo good`;

const plants: readonly [name: string, files: Readonly<Record<string, string>>][] = [
  ['CVE-2026-41579, CVE-2026-47766: /dev is a link to a host directory', { dev: `-> ${up}${canary}` }],
  ['CVE-2026-41579: /dev is a link inside the image', { dev: '-> elsewhere', 'elsewhere/': '' }],
  ['IMG-64: /dev is a file', { dev: 'file' }],
  [
    'CVE-2025-31133, CVE-2025-52565: /dev/null, /dev/pts and /dev/ptmx are links',
    {
      'dev/null': '-> /proc/sys/kernel/core_pattern',
      'dev/pts': `-> ${canary}`,
      'dev/ptmx': `-> ${canary}/file`,
    },
  ],
  [
    'CVE-2025-52565: /dev/console and /dev/shm are links',
    { 'dev/console': `-> ${canary}/file`, 'dev/shm': `-> ${canary}` },
  ],
  ['CVE-2025-52881, CVE-2019-16884, CVE-2019-19921: /proc is a link', { proc: '-> /bad', 'bad/': '' }],
  ['CVE-2023-27561, CVE-2023-28642: /proc is a link out', { proc: `-> ${up}${canary}` }],
  ['CVE-2025-52881: /sys is a link', { sys: `-> ${canary}` }],
  ['CVE-2019-16884: /proc holds files', { 'proc/sys/kernel/x': '', 'proc/self': '-> /' }],
  ['IMG-64: /etc is a link out', { etc: `-> ${up}${canary}` }],
  ['IMG-64: /etc is a link to /proc', { etc: '-> /proc' }],
  ['IMG-64: /etc is a link into the image', { etc: '-> usr/etc', 'usr/etc/passwd': '' }],
  ['IMG-64: /etc is a file', { etc: 'file' }],
  [
    'IMG-64: /etc/hosts is a link out',
    { 'etc/hosts': `-> ${up}${canary}/file`, 'etc/resolv.conf': `-> ${canary}/other` },
  ],
  [
    'IMG-64: /etc/hosts is a link to itself',
    { 'etc/hosts': '-> hosts', 'etc/resolv.conf': '-> ../etc/resolv.conf' },
  ],
  ['IMG-64: /etc/hosts is a directory', { 'etc/hosts/': '', 'etc/resolv.conf/': '' }],
  [
    'IMG-64: /etc/resolv.conf is a dangling link',
    { 'etc/resolv.conf': '-> ../run/systemd/resolve/stub-resolv.conf' },
  ],
  ['IMG-64: /etc/resolv.conf is a link to /proc', { 'etc/resolv.conf': '-> /proc/net/pnp' }],
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

sandboxTest('CVE-2025-31133: masks hold although the image has its own /dev/null', async (t) => {
  const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8');
  const lowers = [bench.layer({ 'dev/null': '-> /proc/sys/kernel/core_pattern' })];
  const { stdout } = await bench.step('cat /proc/timer_list /proc/keys | wc -c; echo evil > /dev/null', {
    lowers,
  });
  t.is(stdout, '0\n');
  t.is(readFileSync('/proc/sys/kernel/core_pattern', 'utf8'), pattern);
});

sandboxTest('IMG-50, SBX-24: a redirect attribute forged in a layer is not followed', async (t) => {
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

rootfulTest('IMG-43, SBX-04: devices that a layer brings cannot be opened', async (t) => {
  const layer = bench.layer({ 'dev/': '' });
  await makeNodes([{ path: `${layer}/disk`, type: 'block', mode: 0o666, major: 254, minor: 0 }]);
  const { stdout, stderr } = await bench.step('dd if=/disk of=/dev/null count=1 && echo read', {
    lowers: [layer],
  });
  t.is(stdout, '');
  t.regex(stderr, /Permission denied/);
});

sandboxTest('SBX-23 a step that wrecks its root is cleaned up', async (t) => {
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
