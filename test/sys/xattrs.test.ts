import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { applyAttributes } from '../../src/sys/attributes.js';
import { deviceNumber, makeNodes } from '../../src/sys/nodes.js';
import { PathError } from '../../src/sys/path-error.js';
import { readXattrs } from '../../src/sys/xattrs.js';
import { bytePath } from '../../src/util/bytes.js';

const directory = mkdtempSync(join(tmpdir(), 'tsbuild-attributes-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

const rooted = process.getuid?.() === 0 ? test : test.skip;
let count = 0;

function file(): string {
  const path = join(directory, `file-${count++}`);
  writeFileSync(path, 'x');
  return path;
}

test('what was set is read: binary values, an empty value, several names', async (t) => {
  const path = file();
  const xattrs = new Map([
    ['user.binary', Uint8Array.from([0, 255, 128, 10])],
    ['user.empty', new Uint8Array()],
    ['user.long', new Uint8Array(3000).fill(7)],
  ]);
  await applyAttributes([{ path, xattrs }]);
  const read = (await readXattrs([path])).get(path);
  t.deepEqual(new Map([...(read ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))), xattrs);
});

test('a name that is not UTF-8 is read as bytes', async (t) => {
  const path = join(directory, 'latin-\xff');
  writeFileSync(bytePath(path), '');
  await applyAttributes([{ path, xattrs: new Map([['user.\xfe', Uint8Array.from([1])]]) }]);
  t.deepEqual((await readXattrs([path])).get(path), new Map([['user.\xfe', Uint8Array.from([1])]]));
});

test('paths without attributes are left out', async (t) => {
  t.is((await readXattrs([file(), '/proc/self/status'])).size, 0);
});

test('twenty thousand paths are read in batches', async (t) => {
  const path = file();
  await applyAttributes([{ path, xattrs: new Map([['user.a', Uint8Array.from([1])]]) }]);
  const plain = Array.from({ length: 20_000 }, () => join(directory));
  t.deepEqual([...(await readXattrs([...plain, path])).keys()], [path]);
});

test('an absent path is an error with code and path', async (t) => {
  const error = await t.throwsAsync(readXattrs([join(directory, 'absent')]), { instanceOf: PathError });
  t.is(error.code, 'ENOENT');
  t.is(error.path, join(directory, 'absent'));
});

for (const mtime of [0n, 1n, 1_700_000_000_123_456_789n, -1n, -1_500_000_000n, -2_000_000_000_000_000_001n]) {
  test(`mtime ${mtime} ns is set exactly`, async (t) => {
    const path = file();
    await applyAttributes([{ path, mtime }]);
    t.is(statSync(path, { bigint: true }).mtimeNs, mtime);
  });
}

test('a link is changed itself, its target is not', async (t) => {
  const [target, link] = [file(), join(directory, `link-${count++}`)];
  symlinkSync(target, link);
  const before = statSync(target, { bigint: true });
  await applyAttributes([{ path: link, mtime: 42n, mode: 0o777 }]);
  t.is(lstatSync(link, { bigint: true }).mtimeNs, 42n);
  t.deepEqual(statSync(target, { bigint: true }), before);
});

rooted('owner first, then mode: setuid bits survive', async (t) => {
  const path = file();
  await applyAttributes([{ path, mode: 0o6755, uid: 1000, gid: 3_000_000_000 }]);
  const { mode, uid, gid } = statSync(path);
  t.deepEqual({ mode: mode & 0o7777, uid, gid }, { mode: 0o6755, uid: 1000, gid: 3_000_000_000 });
});

rooted('owner first, then attributes: file capabilities survive', async (t) => {
  const path = file();
  const capability = Uint8Array.from([1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  await applyAttributes([{ path, xattrs: new Map([['security.capability', capability]]), uid: 5, gid: 5 }]);
  t.deepEqual((await readXattrs([path])).get(path)?.get('security.capability'), capability);
});

test('a failure names path and errno, and the changes before it are made', async (t) => {
  const path = file();
  const changes = [
    { path, mtime: 7n },
    { path: `${path}-absent`, mtime: 7n },
  ];
  const error = await t.throwsAsync(applyAttributes(changes), { instanceOf: PathError });
  t.is(error.code, 'ENOENT');
  t.is(error.path, `${path}-absent`);
  t.is(statSync(path, { bigint: true }).mtimeNs, 7n);
});

rooted('devices and fifos are made with mode and number', async (t) => {
  const path = join(directory, 'nodes');
  mkdirSync(path);
  await makeNodes([
    { path: `${path}/whiteout`, type: 'char', mode: 0, major: 0, minor: 0 },
    { path: `${path}/fifo`, type: 'fifo', mode: 0o666, major: 0, minor: 0 },
    { path: `${path}/block`, type: 'block', mode: 0o1777, major: 4095, minor: 1_048_575 },
  ]);
  t.true(statSync(`${path}/whiteout`).isCharacterDevice());
  t.is(statSync(`${path}/whiteout`).rdev, 0);
  t.is(statSync(`${path}/fifo`).mode, 0o010666);
  t.is(statSync(`${path}/block`).mode, 0o061777);
  t.is(statSync(`${path}/block`).rdev, deviceNumber(4095, 1_048_575));
});

test('a node that exists is an error', async (t) => {
  const path = file();
  const error = await t.throwsAsync(makeNodes([{ path, type: 'fifo', mode: 0o600, major: 0, minor: 0 }]));
  t.regex(error.message, /EEXIST: mknod/);
});
