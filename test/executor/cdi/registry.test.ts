/** Which devices a machine has, which of them a name means, and what they change together. */
import test from 'ava';
import { mergeEdits } from '../../../src/executor/cdi/edits.js';
import { mountManner } from '../../../src/executor/cdi/mount-options.js';
import { parseCdiSpec } from '../../../src/executor/cdi/parse-spec.js';
import { findDevices, joinSpecs, type SpecDevices } from '../../../src/executor/cdi/registry.js';

interface Given {
  readonly name: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly containerEdits?: object;
}

function spec(path: string, devices: readonly Given[], more: object = {}): SpecDevices {
  const document = { cdiVersion: '1.0.0', kind: 'vendor.com/gpu', devices, ...more };
  return { path, devices: parseCdiSpec(document) };
}

const annotated = { 'org.mobyproject.buildkit.device.class': 'fast' };
const { registry } = joinSpecs([
  [
    spec('/a/one.json', [
      { name: 'b' },
      { name: 'a', annotations: annotated },
      { name: 'c', annotations: annotated },
    ]),
    spec('/a/two.json', [{ name: 'fast' }], { kind: 'vendor.com/gpu-next' }),
  ],
]);

const finds = test.macro({
  exec: (t, name: string, expected: readonly string[]) => {
    t.deepEqual(
      findDevices(registry, name).map((device) => device.name),
      expected,
    );
  },
  title: (title = '', name) => `${title}: ${name}`,
});

test('the first of a kind, by name', finds, 'vendor.com/gpu', ['vendor.com/gpu=a']);
test('the first of a kind, by name', finds, 'vendor.com/gpu=', ['vendor.com/gpu=a']);
test('all of a kind', finds, 'vendor.com/gpu=*', [
  'vendor.com/gpu=a',
  'vendor.com/gpu=b',
  'vendor.com/gpu=c',
]);
test('one', finds, 'vendor.com/gpu=b', ['vendor.com/gpu=b']);
test('those whose class it is', finds, 'vendor.com/gpu=fast', ['vendor.com/gpu=a', 'vendor.com/gpu=c']);
test('a device counts more than a class', finds, 'vendor.com/gpu-next=fast', ['vendor.com/gpu-next=fast']);
test('none', finds, 'vendor.com/gpu=d', []);
test('another kind', finds, 'vendor.com/gp=*', []);

test('of equal names the later folder counts', (t) => {
  const edits = (value: string) => ({ containerEdits: { env: [`FROM=${value}`] } });
  const joined = joinSpecs([
    [spec('/etc/cdi/a.json', [{ name: 'x', ...edits('etc') }])],
    [spec('/run/cdi/a.json', [{ name: 'x', ...edits('run') }])],
  ]);
  t.deepEqual(joined.registry.get('vendor.com/gpu=x')?.edits.env, ['FROM=run']);
  t.deepEqual(joined.problems, []);
});

test('a name that two files of one folder have is nobody’s, unless a later folder has it', (t) => {
  const twice = [spec('/e/a.json', [{ name: 'x' }]), spec('/e/b.json', [{ name: 'x' }, { name: 'y' }])];
  const joined = joinSpecs([twice]);
  t.deepEqual([...joined.registry.keys()], ['vendor.com/gpu=y']);
  t.deepEqual(joined.problems, ['"vendor.com/gpu=x" is in "/e/a.json" and "/e/b.json"']);
  t.true(joinSpecs([twice, [spec('/r/a.json', [{ name: 'x' }])]]).registry.has('vendor.com/gpu=x'));
});

test('edits of a spec are made once and first; of equal places the last counts', (t) => {
  const { devices } = spec(
    '/a.json',
    [
      {
        name: 'a',
        containerEdits: {
          env: ['A=1'],
          deviceNodes: [{ path: '/dev/x', hostPath: '/dev/a' }],
          mounts: [{ hostPath: '/a', containerPath: '/m' }],
          additionalGids: [44],
        },
      },
      {
        name: 'b',
        containerEdits: {
          env: ['A=2'],
          deviceNodes: [{ path: '/dev/x', hostPath: '/dev/b' }],
          mounts: [{ hostPath: '/b', containerPath: '/m' }],
          additionalGids: [44, 45],
          intelRdt: {},
        },
      },
    ],
    { containerEdits: { env: ['SPEC=1'], hooks: [{ hookName: 'poststop', path: '/h' }] } },
  );
  t.deepEqual(mergeEdits([...devices, ...devices]), {
    env: ['SPEC=1', 'A=2'],
    deviceNodes: [{ path: '/dev/x', hostPath: '/dev/b' }],
    mounts: [{ hostPath: '/b', containerPath: '/m', options: [], type: '' }],
    additionalGids: [44, 45],
    hooks: ['poststop /h'],
    netDevices: [],
    intelRdt: true,
  });
});

const options = test.macro({
  exec: (t, words: string, expected: ReturnType<typeof mountManner>) => {
    t.deepEqual(mountManner(words === '' ? [] : words.split(' ')), expected);
  },
  title: (_, words) => `options: ${words}`,
});

test(options, '', { recursive: false, flags: [] });
test(options, 'bind rw rprivate', { recursive: false, flags: [] });
test(options, 'rbind noexec ro nodev nosuid', {
  recursive: true,
  flags: ['ro', 'nosuid', 'nodev', 'noexec'],
});
test(options, 'ro rw', { recursive: false, flags: [] });
test(options, 'ro rshared', { unknown: 'rshared' });
test(options, 'size=1m', { unknown: 'size=1m' });
