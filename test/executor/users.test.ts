import test from 'ava';
import { resolveOwner, resolveUser } from '../../src/executor/users.js';
import { TsbuildError } from '../../src/util/errors.js';

const files = {
  passwd: Buffer.from(
    [
      'root:x:0:0:root:/root:/bin/sh',
      'app:x:1000:1001:App:/home/app:/bin/sh',
      '1234:x:77:78::/odd:',
      'homeless:x:50:50:::',
      'broken:x:abc:0::/:',
      'huge:x:4294967296:0::/:',
      'latin-\xe9:x:60:61::/:',
      'utf-\xc3\xa9:x:62:63::/:',
      '# comment:x:1:1::/:',
      '',
    ].join('\n'),
    'latin1',
  ),
  group: Buffer.from(
    ['root:x:0:root', 'wheel:x:10:root,app', 'docker:x:999:app', 'app:x:1001:', 'neg:x:-5:app'].join('\n'),
  ),
};

const users: readonly [spec: string, uid: number, gid: number, groups: readonly number[], home: string][] = [
  ['', 0, 0, [0, 10], '/root'],
  ['root', 0, 0, [0, 10], '/root'],
  ['0', 0, 0, [0, 10], '/root'],
  ['app', 1000, 1001, [1001, 10, 999], '/home/app'],
  ['1000', 1000, 1001, [1001, 10, 999], '/home/app'],
  ['app:', 1000, 1001, [1001, 10, 999], '/home/app'],
  ['app:wheel', 1000, 10, [10], '/home/app'],
  ['app:555', 1000, 555, [555], '/home/app'],
  ['1000:1000', 1000, 1000, [1000], '/home/app'],
  ['5000', 5000, 0, [0], '/'],
  ['5000:wheel', 5000, 10, [10], '/'],
  ['5000:6000', 5000, 6000, [6000], '/'],
  ['1234', 77, 78, [78], '/odd'],
  ['homeless', 50, 50, [50], '/'],
  [':wheel', 0, 10, [10], '/root'],
  ['4294967294', 4294967294, 0, [0], '/'],
  ['2147483648', 2147483648, 0, [0], '/'],
  ['utf-é', 62, 63, [63], '/'],
];

for (const [spec, uid, gid, groups, home] of users) {
  test(`USER ${JSON.stringify(spec)} is ${uid}:${gid} with groups ${groups.join(' ')}`, (t) => {
    t.deepEqual(resolveUser(spec, files), { uid, gid, groups, home });
  });
}

const badUsers = [
  'nobody',
  '4294967295',
  '4294967296',
  '18446744073709551616',
  '-1',
  '+1',
  '1e3',
  '0x0',
  ' 0',
  'app:none',
  'app:-1',
  'broken',
  'huge',
  '1:2:3',
  'latin-é',
];
for (const spec of badUsers) {
  test(`USER ${JSON.stringify(spec)} is an error before anything runs`, (t) => {
    const error = t.throws(() => resolveUser(spec, files), { instanceOf: TsbuildError });
    t.is(error.code, 'run');
    t.regex(error.message, /^unable to find (user|group) ".*": no matching entries in (passwd|group) file$/);
  });
}

test('USER without passwd: root and numbers are known, names are not', (t) => {
  t.deepEqual(resolveUser('', {}), { uid: 0, gid: 0, groups: [0], home: '/' });
  t.deepEqual(resolveUser('7:8', {}), { uid: 7, gid: 8, groups: [8], home: '/' });
  t.throws(() => resolveUser('app', {}), { instanceOf: TsbuildError });
});

test('a passwd of more than 10 MiB is refused', (t) => {
  t.throws(() => resolveUser('app', { passwd: new Uint8Array((10 << 20) + 1) }), {
    message: /larger than 10 MiB/,
  });
});

const owners: readonly [spec: string, uid: number, gid: number][] = [
  ['app', 1000, 1001],
  ['app:wheel', 1000, 10],
  ['app:5', 1000, 5],
  ['app:', 1000, 0],
  ['1234', 1234, 1234],
  ['1234:', 1234, 0],
  ['1:2', 1, 2],
  [':wheel', 0, 10],
  [':7', 0, 7],
  ['root', 0, 0],
  ['root:root', 0, 0],
  ['4294967294', 4294967294, 4294967294],
];
for (const [spec, uid, gid] of owners) {
  test(`--chown=${spec} is ${uid}:${gid}`, (t) => {
    t.deepEqual(resolveOwner(spec, files), { uid, gid });
  });
}

test('--chown=root needs no passwd, root:root no group file', (t) => {
  t.deepEqual(resolveOwner('root:root', {}), { uid: 0, gid: 0 });
});

for (const spec of ['nobody', 'app:none', '-1', '4294967295', '+1']) {
  test(`--chown=${spec} is an error`, (t) => {
    t.is(t.throws(() => resolveOwner(spec, files), { instanceOf: TsbuildError }).code, 'copy');
  });
}
