import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { chooseMode } from '../../src/executor/choose-mode.js';
import { createExecutor } from '../../src/executor/create-executor.js';
import { namespacesFor, presentMode } from '../../src/executor/present-mode.js';
import { capability, type Privileges } from '../../src/sys/privileges.js';
import { isRoot } from '../helpers/programs.js';

const directory = mkdtempSync(join(tmpdir(), 'tsbuild-mode-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));
const rooted = isRoot ? test : test.skip;

const all = (1n << 41n) - 1n;
const dockerDefault = 0xa80425fbn;
const whole = [[0, 4294967295]] as const;
const places = {
  root: { uid: 0, gid: 0, capabilities: all, initial: true, users: whole, groups: whole },
  'root of a default container': {
    uid: 0,
    gid: 0,
    capabilities: dockerDefault,
    initial: true,
    users: whole,
    groups: whole,
  },
  user: { uid: 1000, gid: 1000, capabilities: 0n, initial: true, users: whole, groups: whole },
  'root of a range': {
    uid: 0,
    gid: 0,
    capabilities: all,
    initial: false,
    users: [[0, 65537]],
    groups: [[0, 65537]],
  },
  'root of one id': { uid: 0, gid: 0, capabilities: all, initial: false, users: [[0, 1]], groups: [[0, 1]] },
} as const satisfies Record<string, Privileges>;

for (const [place, mode, namespaces] of [
  ['root', 'rootful', []],
  ['root of a default container', undefined, ['rootless', 'single-id']],
  ['user', undefined, ['rootless', 'single-id']],
  ['root of a range', 'rootless', []],
  ['root of one id', 'single-id', []],
] as const) {
  test(`${place}: the present mode and the namespaces that auto tries`, (t) => {
    t.is(presentMode(places[place]), mode);
    t.deepEqual(namespacesFor('auto', places[place]), [...namespaces]);
  });
}

test('a namespace that was asked for is entered unless it is the present one', (t) => {
  t.deepEqual(namespacesFor('single-id', places.root), ['single-id']);
  t.deepEqual(namespacesFor('single-id', places['root of a range']), ['single-id']);
  t.deepEqual(namespacesFor('rootless', places['root of a range']), []);
  for (const mode of ['rootful', 'chroot', 'none'] as const)
    t.deepEqual(namespacesFor(mode, places.user), []);
});

test('chroot mode needs root with that capability', async (t) => {
  t.is(await chooseMode('chroot', directory, places['root of a default container']), 'chroot');
  t.is(await chooseMode('auto', directory, places['root of a default container']), 'chroot');
  const without = { ...places.root, capabilities: all & ~(1n << BigInt(capability.SYS_CHROOT)) };
  await t.throwsAsync(chooseMode('chroot', directory, without), { code: 'sandbox' });
  await t.throwsAsync(chooseMode('auto', directory, places.user), { code: 'sandbox' });
});

for (const [isolation, place] of [
  ['rootful', 'user'],
  ['rootful', 'root of a default container'],
  ['rootful', 'root of a range'],
  ['rootless', 'root'],
  ['rootless', 'root of one id'],
  ['single-id', 'root of a range'],
  ['none', 'root'],
] as const) {
  test(`--isolation=${isolation} is refused to ${place}, never replaced by another mode`, async (t) => {
    await t.throwsAsync(chooseMode(isolation, directory, places[place]), { code: 'sandbox' });
  });
}

rooted('auto is rootful for root', async (t) => {
  t.is((await createExecutor({ scratch: join(directory, 'auto'), isolation: 'auto' })).mode, 'rootful');
});
