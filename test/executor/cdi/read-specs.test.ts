/** Folders of CDI specs on disk. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { hostMounts } from '../../../src/executor/cdi/host-mounts.js';
import { cdiDevices } from '../../../src/executor/cdi/read-specs.js';
import { TsbuildError } from '../../../src/util/errors.js';

const folder = mkdtempSync(join(tmpdir(), 'tsbuild-cdi-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));
let folders = 0;

/** What a folder with these files gives, and the warnings about it. */
async function read(files: Readonly<Record<string, string>>) {
  const path = join(folder, `${folders++}`);
  mkdirSync(path);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  const warnings: string[] = [];
  const devices = cdiDevices([join(folder, 'absent'), path], (message) => warnings.push(message));
  const registry = await devices.registry();
  await devices.registry(); // read once
  return { registry, warnings, path };
}

const json = (kind: string): string =>
  JSON.stringify({ cdiVersion: '0.6.0', kind, devices: [{ name: 'x' }] });
const yaml = `
cdiVersion: 0.6.0   # a string, as it has two points
kind: "y.com/c"
devices:
- name: 0
  containerEdits:
    env:
    - FOO=injected
    deviceNodes:
    - path: /dev/a
      fileMode: 0660
`;

test('JSON and YAML are read by their names; a folder that is not there has none', async (t) => {
  const { registry, warnings } = await read({
    'a.json': json('j.com/c'),
    'b.yaml': yaml,
    'c.yml': 'x',
    d: 'x',
  });
  t.deepEqual([...registry.keys()], ['j.com/c=x', 'y.com/c=0']);
  t.deepEqual(registry.get('y.com/c=0')?.edits.env, ['FOO=injected']);
  t.is(registry.get('y.com/c=0')?.edits.deviceNodes[0]?.fileMode, 0o660);
  t.deepEqual(warnings, []);
});

test('what cannot be understood is one warning, and the rest is there', async (t) => {
  const { registry, warnings, path } = await read({
    'a.json': '{',
    'b.yaml': 'a: [',
    'c.json': json('nothing'),
    'd.yaml': 'a: &a [1]\na: *b\n',
    'e.json': json('j.com/c'),
    'f.yaml': '',
  });
  t.deepEqual([...registry.keys()], ['j.com/c=x']);
  t.is(warnings.length, 1);
  const reasons = [
    'it is not JSON',
    'it is not YAML',
    'kind "nothing"',
    'it is not YAML',
    'the spec is not an object',
  ];
  for (const [index, name] of ['a.json', 'b.yaml', 'c.json', 'd.yaml', 'f.yaml'].entries()) {
    t.true(warnings[0]?.includes(`"${path}/${name}": ${reasons[index]}`), `${name}: ${warnings[0]}`);
  }
});

test('a fifo among the specs is not waited for', async (t) => {
  const path = join(folder, 'fifo');
  mkdirSync(path);
  execFileSync('mkfifo', [join(path, 'a.json')]);
  const warnings: string[] = [];
  t.is((await cdiDevices([path], (message) => warnings.push(message)).registry()).size, 0);
  t.regex(warnings[0] ?? '', /it is no file/);
});

test('nodes and mounts are looked up on the machine, what lies higher comes first', async (t) => {
  const source = join(folder, 'source');
  mkdirSync(source);
  const mounts = await hostMounts({
    deviceNodes: [{ path: '/dev/a/b', hostPath: '/dev/full', fileMode: 0o600, uid: 5 }],
    mounts: [{ hostPath: `${folder}/./source`, containerPath: '/opt/', options: ['ro'], type: 'bind' }],
  });
  t.deepEqual(mounts, [
    { kind: 'host', source, target: '/opt', recursive: false, flags: ['ro'] },
    {
      kind: 'device',
      source: '/dev/full',
      target: '/dev/a/b',
      mode: 0o020600,
      major: 1,
      minor: 7,
      uid: 5,
      gid: undefined,
    },
  ]);
});

const node = { path: '/dev/a', hostPath: '/dev/full' };
const mount = { hostPath: '/', containerPath: '/opt', options: [], type: '' };
for (const [title, edits, message] of [
  ['absent', { deviceNodes: [{ ...node, hostPath: '/dev/absent' }], mounts: [] }, /"\/dev\/absent".*ENOENT/],
  ['no device', { deviceNodes: [{ ...node, hostPath: '/dev' }], mounts: [] }, /is not the device/],
  ['another type', { deviceNodes: [{ ...node, type: 'b' }], mounts: [] }, /is not the device/],
  ['another number', { deviceNodes: [{ ...node, major: 1, minor: 8 }], mounts: [] }, /is not the device/],
  ['absent folder', { deviceNodes: [], mounts: [{ ...mount, hostPath: '/absent' }] }, /ENOENT/],
  [
    'options',
    { deviceNodes: [], mounts: [{ ...mount, options: ['shared'] }] },
    /option "shared".*not supported/,
  ],
  ['type', { deviceNodes: [], mounts: [{ ...mount, type: 'tmpfs' }] }, /type "tmpfs".*not supported/],
] as const) {
  test(`refused: ${title}`, async (t) => {
    await t.throwsAsync(hostMounts(edits), { instanceOf: TsbuildError, message });
  });
}
