/** CDI specs: what is read of them, and what makes them invalid. */
import test from 'ava';
import { parseCdiSpec } from '../../../src/executor/cdi/parse-spec.js';
import type { CdiEdits } from '../../../src/executor/cdi/types.js';
import { TsbuildError } from '../../../src/util/errors.js';

const nothing: CdiEdits = {
  env: [],
  deviceNodes: [],
  mounts: [],
  additionalGids: [],
  hooks: [],
  netDevices: [],
  intelRdt: false,
};

/** A spec with one device of these edits. */
const withEdits = (containerEdits: object, more: object = {}): object => ({
  cdiVersion: '0.6.0',
  kind: 'vendor.com/class',
  devices: [{ name: 'a', containerEdits }],
  ...more,
});

const edits = test.macro({
  exec: (t, given: object, expected: Partial<CdiEdits>) => {
    t.deepEqual(parseCdiSpec(withEdits(given))[0]?.edits, { ...nothing, ...expected });
  },
  title: (_, given) => JSON.stringify(given),
});

test(edits, {}, {});
test(edits, { env: ['A=b=c', 'B='] }, { env: ['A=b=c', 'B='] });
test(edits, { deviceNodes: [{ path: '/dev/a' }] }, { deviceNodes: [{ path: '/dev/a', hostPath: '/dev/a' }] });
const node = {
  path: '/dev/a',
  hostPath: '/dev/b',
  type: 'c',
  major: 1,
  minor: 7,
  fileMode: 432,
  permissions: 'rw',
  uid: 1,
  gid: 2,
} as const;
test(edits, { deviceNodes: [node] }, { deviceNodes: [node] });
test(
  edits,
  { mounts: [{ hostPath: '/a', containerPath: '/b', options: ['ro'], type: 'bind' }] },
  { mounts: [{ hostPath: '/a', containerPath: '/b', options: ['ro'], type: 'bind' }] },
);
test(
  edits,
  { mounts: [{ hostPath: '/a', containerPath: '/b' }] },
  { mounts: [{ hostPath: '/a', containerPath: '/b', options: [], type: '' }] },
);
test(edits, { additionalGids: [44, 0, 109] }, { additionalGids: [44, 109] });
test(
  edits,
  {
    hooks: [{ hookName: 'createContainer', path: '/usr/bin/hook', args: ['hook', 'x'], env: [], timeout: 1 }],
  },
  { hooks: ['createContainer /usr/bin/hook'] },
);
test(edits, { intelRdt: { closID: 'x' } }, { intelRdt: true });
test(edits, { netDevices: [{ hostInterfaceName: 'eth1', name: 'net0' }] }, { netDevices: ['eth1'] });

test('devices have full names, those of YAML also by number', (t) => {
  const spec = withEdits({}, { devices: [{ name: 'gpu0' }, { name: 1 }, { name: '0:1' }] });
  t.deepEqual(
    parseCdiSpec(spec).map(({ name }) => name),
    ['vendor.com/class=gpu0', 'vendor.com/class=1', 'vendor.com/class=0:1'],
  );
});

test('annotations of a device count more than those of its spec', (t) => {
  const spec = withEdits(
    {},
    { annotations: { a: '1', b: '1' }, devices: [{ name: 'x', annotations: { b: '2' } }] },
  );
  t.deepEqual(parseCdiSpec(spec)[0]?.annotations, { a: '1', b: '2' });
});

for (const cdiVersion of ['0.3.0', '0.8.0', '1.0.0', '1.1.0', 'v0.6.0']) {
  test(`version ${cdiVersion}`, (t) => t.is(parseCdiSpec(withEdits({}, { cdiVersion })).length, 1));
}

const invalid = test.macro({
  exec: (t, document: unknown, message: RegExp) => {
    t.throws(() => parseCdiSpec(document), { instanceOf: TsbuildError, message });
  },
  title: (_, document, message: RegExp) => `invalid: ${JSON.stringify(document)} (${message.source})`,
});

test(invalid, [], /the spec is not an object/);
test(invalid, null, /the spec is not an object/);
test(invalid, withEdits({}, { cdiVersion: '2.0.0' }), /cdiVersion "2.0.0" is not known/);
test(invalid, withEdits({}, { cdiVersion: 1 }), /cdiVersion is not a string/);
test(invalid, withEdits({}, { devices: [] }), /it has no devices/);
test(invalid, withEdits({}, { devices: [{ name: 'a' }, { name: 'a' }] }), /it has a device twice/);
test(invalid, withEdits({}, { devices: [{ name: 'a b' }] }), /"a b" is no name of a device/);
test(invalid, withEdits({}, { devices: [{}] }), /devices\[0\].name is not a string/);
test(invalid, withEdits({}, { more: 1 }), /the spec has a member "more"/);
test(invalid, withEdits({ more: 1 }), /containerEdits has a member "more"/);
test(invalid, withEdits({ env: ['=a'] }), /env\[0\] is not NAME=value/);
test(invalid, withEdits({ env: 'A=b' }), /env is not an array/);
test(invalid, withEdits({ env: ['A=\0'] }), /contains a NUL/);
test(invalid, withEdits({ deviceNodes: [{}] }), /path is not a string/);
test(invalid, withEdits({ deviceNodes: [{ path: 'dev/a' }] }), /path is not an absolute path/);
test(invalid, withEdits({ deviceNodes: [{ path: '/a', type: 'x' }] }), /type is none of b, c, u and p/);
test(invalid, withEdits({ deviceNodes: [{ path: '/a', permissions: 'rx' }] }), /permissions is not made of/);
test(invalid, withEdits({ deviceNodes: [{ path: '/a', major: -1 }] }), /major is not a whole number/);
test(invalid, withEdits({ deviceNodes: [{ path: '/a', uid: 2 ** 32 - 1 }] }), /uid is not an id/);
test(invalid, withEdits({ mounts: [{ hostPath: '/a' }] }), /containerPath is not a string/);
test(
  invalid,
  withEdits({ mounts: [{ hostPath: 'a', containerPath: '/b' }] }),
  /hostPath is not an absolute path/,
);
test(invalid, withEdits({ additionalGids: ['44'] }), /additionalGids\[0\] is not a whole number/);
for (const kind of [
  'class',
  'vendor.com/',
  '/class',
  'vendor.com/a/b',
  '1vendor/class',
  'vendor-/class',
  'a/b=c',
]) {
  test(invalid, withEdits({}, { kind }), /is not of the form vendor.com\/class/);
}
