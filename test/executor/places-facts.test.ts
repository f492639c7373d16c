/** What is read of a place, and what follows from it. */
import test from 'ava';
import { advise } from '../../src/executor/advice.js';
import { emulation } from '../../src/executor/emulators.js';
import { promisesOf } from '../../src/executor/mode-promises.js';
import { helperArguments, rangesFor } from '../../src/executor/subordinate-ids.js';

const subuid = 'app:100000:65536\n1000:200000:10\n# comment\nother:1:1\napp:300000:5\nbad:x:y\napp:7:0\n';

test('subordinate ids are those of the name and of the number', (t) => {
  t.deepEqual(rangesFor(subuid, 1000, 'app'), [
    [100000, 65536],
    [200000, 10],
    [300000, 5],
  ]);
  t.deepEqual(rangesFor(subuid, 1000, undefined), [[200000, 10]]);
  t.deepEqual(rangesFor('', 1000, 'app'), []);
});

test('root is the user, and the ranges follow one another from 1 on', (t) => {
  t.deepEqual(
    helperArguments(1000, [
      [100000, 65536],
      [300000, 5],
    ]).join(' '),
    '0 1000 1 1 100000 65536 65537 300000 5',
  );
});

const aarch64 = (flags: string, state = 'enabled'): string =>
  `${state}\ninterpreter /usr/bin/qemu-aarch64-static\nflags: ${flags}\noffset 0\nmagic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n`;
const s390x =
  'enabled\ninterpreter /usr/bin/qemu-s390x-static\nflags: F\noffset 0\nmagic 7f454c4602020100000000000000000000020016\nmask ffffffffffffff00fffffffffffffffffffeffff\n';

for (const [architecture, host, entries, expected] of [
  ['amd64', 'amd64', [], 'native'],
  ['386', 'amd64', [], 'native'],
  ['arm64', 'amd64', [], 'absent'],
  ['arm64', 'amd64', [aarch64('OCF')], 'registered'],
  ['arm64', 'amd64', [aarch64('')], 'needs its file'],
  ['arm64', 'amd64', [aarch64('F', 'disabled')], 'absent'],
  ['s390x', 'amd64', [aarch64('F'), s390x], 'registered'],
  ['arm', 'amd64', [aarch64('F')], 'absent'],
  ['amd64', 'arm64', [aarch64('F')], 'absent'],
] as const) {
  test(`programs for ${architecture} on ${host} with ${entries.length} emulators: ${expected}`, (t) => {
    t.is(emulation(architecture, host, entries), expected);
  });
}

for (const [operation, errno, settings, expected] of [
  ['make a user namespace', 'EPERM', { most: 0 }, /user\.max_user_namespaces/],
  ['make a user namespace', 'EPERM', { most: 100, clone: 0 }, /unprivileged_userns_clone=1/],
  ['make namespaces', 'EPERM', { appArmor: 1 }, /apparmor_restrict_unprivileged_userns=0/],
  ['make a user namespace', 'EPERM', {}, /seccomp=unconfined/],
  ['mount an overlay', 'EINVAL', {}, /TSBUILD_ROOT=/],
  ['mount /proc', 'EPERM', {}, /systempaths=unconfined/],
] as const) {
  test(`${operation}: ${errno} with ${JSON.stringify(settings)} has its advice`, (t) => {
    t.regex(advise(operation, errno, settings) ?? '', expected);
  });
}

test('rootful promises all, chroot says what it does not', (t) => {
  t.true(promisesOf('rootful').every(([, kept]) => kept === 'yes'));
  t.regex(new Map(promisesOf('chroot')).get('--network=none') ?? '', /refused/);
});
