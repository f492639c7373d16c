import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { materialise } from '../../src/layers/materialise.js';
import { emptyTree } from '../../src/layers/tree.js';
import { readDirectoryForm } from '../../src/layers/walk-directory.js';
import type {
  Changeset,
  ChangesetEntry,
  File,
  Metadata,
  OverlayNamespace,
  Tree,
} from '../../src/layers/types.js';
import { applyAttributes } from '../../src/sys/attributes.js';
import { readXattrs } from '../../src/sys/xattrs.js';
import { digestOf } from '../../src/oci/digest.js';
import { describeChangeset } from '../helpers/describe-tree.js';
import { memoryBody, storableChangesets } from '../helpers/layer-arbitraries.js';
import { missingOf, outputOf } from '../helpers/programs.js';
import { makeScratch } from '../helpers/scratch.js';

const scratch = makeScratch('materialise');
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));
let count = 0;
const fresh = (): string => join(scratch, `layer-${count++}`);

const it = missingOf(['root']).length === 0 ? test : test.skip;

const meta: Metadata = { mode: 0o644, uid: 0, gid: 0, mtime: 1_500_000_000_123_456_789n };
const folderMeta: Metadata = { ...meta, mode: 0o755 };
const file = (text: string, more: Partial<Metadata> = {}): File => ({
  kind: 'file',
  meta: { ...meta, ...more },
  size: text.length,
  digest: digestOf(text),
});
const bodies = (...texts: string[]) => {
  const known = new Map(texts.map((text) => [digestOf(text), text]));
  return ({ digest }: File) => ({
    kind: 'memory' as const,
    bytes: Buffer.from(known.get(digest) ?? 'wrong'),
  });
};
function changeset(
  entries: Readonly<Record<string, ChangesetEntry>>,
  more: Partial<Changeset> = {},
): Changeset {
  return {
    kind: 'directory',
    meta: folderMeta,
    opaque: false,
    entries: new Map(Object.entries(entries)),
    ...more,
  };
}

/** What a directory form cannot say: who the root is, and that a name of a group is the only one left. */
function onDisk(given: Changeset): Changeset {
  const withMeta = (entry: ChangesetEntry): ChangesetEntry => {
    if (entry.kind === 'hardlink') return { kind: 'whiteout' };
    if (entry.kind !== 'directory') return entry;
    const entries = new Map(Array.from(entry.entries, ([name, below]) => [name, withMeta(below)]));
    return { ...entry, meta: entry.meta ?? folderMeta, entries };
  };
  const root = withMeta({ ...given, opaque: false });
  return root.kind === 'directory' ? root : given;
}

/** File systems keep times of 34 bits, names of 255 bytes and modes of directories that they can be read with. */
const fits = (entry: ChangesetEntry): boolean => {
  if (entry.kind === 'directory') {
    const times = entry.meta === undefined || isStorable(entry.meta);
    return times && [...entry.entries.values()].every(fits);
  }
  return entry.kind === 'hardlink' || entry.kind === 'whiteout' || isStorable(entry.meta);
};
const isStorable = ({ mtime, xattrs }: Metadata): boolean =>
  mtime > -(2n ** 60n) && mtime < 2n ** 62n && xattrs?.has('user.a') !== true;

it('walk(materialise(c)) = c (c without what no disk can hold)', async (t) => {
  const layers = storableChangesets.filter(fits).map(onDisk);
  await fc.assert(
    fc.asyncProperty(layers, async (layer) => {
      const namespace: OverlayNamespace = 'trusted';
      const path = fresh();
      await materialise({ changeset: layer, bodies: memoryBody }, emptyTree(), path, namespace);
      const form = await readDirectoryForm({ path, namespace });
      t.deepEqual(describeChangeset(form.changeset), describeChangeset(layer));
      rmSync(path, { recursive: true });
    }),
    { numRuns: 60 },
  );
});

it('metadata is exact whatever the umask is', async (t) => {
  const layer = changeset({
    suid: file('x', { mode: 0o4755, uid: 33, gid: 34 }),
    none: file('x', { mode: 0 }),
    dir: {
      kind: 'directory',
      meta: { ...folderMeta, mode: 0o1777, uid: 5 },
      opaque: false,
      entries: new Map([['f', file('x')]]),
    },
    link: { kind: 'symlink', meta: { ...meta, mode: 0o777, uid: 7 }, target: '/etc/passwd' },
    fifo: { kind: 'device', type: 'fifo', meta: { ...meta, mode: 0o622, gid: 9 }, major: 0, minor: 0 },
  });
  const path = fresh();
  const umask = process.umask(0o077);
  await materialise({ changeset: layer, bodies: bodies('x') }, emptyTree(), path, 'trusted');
  process.umask(umask);
  const facts = (name: string) => {
    const stat = lstatSync(join(path, name), { bigint: true });
    return [(Number(stat.mode) & 0o7777).toString(8), Number(stat.uid), Number(stat.gid), stat.mtimeNs];
  };
  t.deepEqual(facts('suid'), ['4755', 33, 34, meta.mtime]);
  t.deepEqual(facts('none'), ['0', 0, 0, meta.mtime]);
  t.deepEqual(facts('dir'), ['1777', 5, 0, meta.mtime]);
  t.deepEqual(facts('link'), ['777', 7, 0, meta.mtime]);
  t.deepEqual(facts('fifo'), ['622', 0, 9, meta.mtime]);
  t.deepEqual(facts(''), ['755', 0, 0, meta.mtime]);
});

it('file capabilities survive, and attributes of overlayfs are not forged', async (t) => {
  const capability = Uint8Array.from([1, 0, 0, 2, 0, 0x24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const xattrs = new Map<string, Uint8Array>([
    ['security.capability', capability],
    ['trusted.overlay.redirect', Buffer.from('/etc')],
    ['user.overlay.opaque', Buffer.from('y')],
  ]);
  const path = fresh();
  const dir: ChangesetEntry = {
    kind: 'directory',
    meta: { ...folderMeta, xattrs },
    opaque: false,
    entries: new Map(),
  };
  const layer = changeset({
    f: file('x', { mode: 0o755, uid: 1, xattrs }),
    d: { ...dir, meta: { ...folderMeta, xattrs: new Map([...xattrs].slice(1)) } },
  });
  await materialise({ changeset: layer, bodies: bodies('x') }, emptyTree(), path, 'trusted');
  const found = await readXattrs([`${path}/f`, `${path}/d`]);
  t.deepEqual(
    [...(found.get(`${path}/f`) ?? [])].map(([name, value]) => [name, Buffer.from(value).toString('hex')]),
    [['security.capability', Buffer.from(capability).toString('hex')]],
  );
  t.is(found.get(`${path}/d`), undefined);
});

it('directories that the layer does not describe are those of the base', async (t) => {
  const implicit: ChangesetEntry = {
    kind: 'directory',
    meta: undefined,
    opaque: false,
    entries: new Map([['f', file('x')]]),
  };
  const base: Tree = {
    ...emptyTree(),
    entries: new Map([
      ['known', { kind: 'directory', meta: { ...meta, mode: 0o710, uid: 8 }, entries: new Map() }],
    ]),
  };
  const path = fresh();
  await materialise(
    { changeset: changeset({ known: implicit, unknown: implicit }), bodies: bodies('x') },
    base,
    path,
    'trusted',
  );
  const stat = (name: string) => lstatSync(join(path, name));
  t.deepEqual([stat('known').mode & 0o7777, stat('known').uid], [0o710, 8]);
  t.deepEqual([stat('unknown').mode & 0o7777, stat('unknown').mtimeMs], [0o755, 0]);
});

it('hard links: into the layer a link, into the base a copy', async (t) => {
  const base: Tree = { ...emptyTree(), entries: new Map([['low', file('low', { mode: 0o600 })]]) };
  const layer = changeset({
    a: { kind: 'hardlink', target: 'z' },
    b: { kind: 'hardlink', target: 'low' },
    z: file('x'),
  });
  const path = fresh();
  await materialise({ changeset: layer, bodies: bodies('x', 'low') }, base, path, 'trusted');
  t.is(lstatSync(join(path, 'a')).ino, lstatSync(join(path, 'z')).ino);
  t.is(readFileSync(join(path, 'b'), 'utf8'), 'low');
  t.is(lstatSync(join(path, 'b')).mode & 0o7777, 0o600);
});

const fails = test.macro<[entries: Readonly<Record<string, ChangesetEntry>>, code: string, message: RegExp]>({
  exec: async (t, entries, code, message) => {
    const layer = changeset(entries);
    await t.throwsAsync(
      materialise({ changeset: layer, bodies: bodies('x') }, emptyTree(), fresh(), 'trusted'),
      { code, message },
    );
  },
  title: (given) => `refused: ${given}`,
});
it('a hard link to nothing', fails, { a: { kind: 'hardlink', target: 'gone' } }, 'archive', /no file/);
it(
  'hard links in a circle',
  fails,
  { a: { kind: 'hardlink', target: 'b' }, b: { kind: 'hardlink', target: 'a' } },
  'archive',
  /no file/,
);
it('a content that is not what was promised', fails, { a: file('y') }, 'store', /not what it was/);
it(
  'a forged whiteout',
  fails,
  { a: { kind: 'device', type: 'char', meta, major: 0, minor: 0 } },
  'archive',
  /whiteout/,
);
it(
  'a device that Linux does not have',
  fails,
  { a: { kind: 'device', type: 'block', meta, major: 4096, minor: 0 } },
  'archive',
  /does not exist/,
);

it('in a user namespace what its root may not make is left out', async (t) => {
  const xattrs = new Map<string, Uint8Array>([
    ['trusted.x', Buffer.from('1')],
    ['security.ima', Buffer.from('1')],
  ]);
  const layer = changeset({
    dev: { kind: 'device', type: 'char', meta, major: 1, minor: 3 },
    f: file('x', { xattrs }),
    gone: { kind: 'whiteout' },
    o: { kind: 'directory', meta: folderMeta, opaque: true, entries: new Map() },
  });
  const path = fresh();
  await materialise({ changeset: layer, bodies: bodies('x') }, emptyTree(), path, 'user');
  t.deepEqual(readdirSync(path).sort(), ['f', 'gone', 'o']);
  const found = await readXattrs([`${path}/f`, `${path}/o`]);
  t.deepEqual([...found.keys()], [`${path}/o`]);
  t.deepEqual([...(found.get(`${path}/o`) ?? []).keys()], ['user.overlay.opaque']);
});

it('walk: sockets are left out, links are not followed, names are bytes', async (t) => {
  const path = fresh();
  mkdirSync(path);
  const server = createServer().listen(join(path, 'socket'));
  await once(server, 'listening');
  symlinkSync('/etc/passwd', join(path, 'link'));
  writeFileSync(Buffer.from(`${path}/caf\xe9`, 'latin1'), 'x');
  const { changeset: found } = await readDirectoryForm({ path, namespace: 'trusted' });
  server.close();
  t.deepEqual([...found.entries.keys()], ['caf\xe9', 'link']);
  const link = found.entries.get('link');
  t.is(link?.kind === 'symlink' ? link.target : '', '/etc/passwd');
});

it('walk: hard links are a group, and a body is found by content', async (t) => {
  const path = fresh();
  mkdirSync(join(path, 'd'), { recursive: true });
  writeFileSync(join(path, 'a'), 'shared');
  linkSync(join(path, 'a'), join(path, 'd', 'b'));
  const form = await readDirectoryForm({ path, namespace: 'trusted' });
  const a = form.changeset.entries.get('a');
  const d = form.changeset.entries.get('d');
  t.true(a !== undefined && d?.kind === 'directory' && d.entries.get('b') === a);
  if (a?.kind !== 'file') return t.fail();
  t.deepEqual(form.path({ ...a, meta }), { kind: 'path', path: `${path}/a` });
  t.throws(() => form.path(file('other')), { code: 'store' });
});

it("walk: only the layer's own namespace makes a directory opaque", async (t) => {
  const path = fresh();
  mkdirSync(join(path, 'forged'), { recursive: true });
  mkdirSync(join(path, 'real'));
  await applyAttributes([
    { path: `${path}/forged`, xattrs: new Map([['user.overlay.opaque', Buffer.from('y')]]) },
    { path: `${path}/real`, xattrs: new Map([['trusted.overlay.opaque', Buffer.from('y')]]) },
  ]);
  const { changeset: found } = await readDirectoryForm({ path, namespace: 'trusted' });
  t.deepEqual(
    describeChangeset(found)
      .slice(1)
      .map((line) => [line.split(' ')[0], line.includes('opaque=true'), line.includes('xattrs')]),
    [
      ['/forged', false, false],
      ['/real', true, false],
    ],
  );
});

it('walk: a directory whose content overlayfs keeps elsewhere is an error', async (t) => {
  const path = fresh();
  mkdirSync(join(path, 'moved'), { recursive: true });
  await applyAttributes([
    { path: `${path}/moved`, xattrs: new Map([['trusted.overlay.redirect', Buffer.from('/x')]]) },
  ]);
  await t.throwsAsync(readDirectoryForm({ path, namespace: 'trusted' }), {
    code: 'sandbox',
    message: /redirect/,
  });
});

it('walk: what overlayfs wrote is what was done', async (t) => {
  const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) =>
    join(scratch, 'overlay', name),
  );
  if (lower === undefined || upper === undefined || work === undefined || merged === undefined)
    return t.fail();
  for (const folder of [upper, work, merged]) mkdirSync(folder, { recursive: true });
  // The scratch folder may itself be on an overlay, which cannot be an upper directory: a tmpfs can.
  await outputOf(['mount', '-t', 'tmpfs', 'none', join(scratch, 'overlay')]);
  try {
    for (const folder of [lower, upper, work, merged]) mkdirSync(folder, { recursive: true });
    mkdirSync(join(lower, 'dir'));
    writeFileSync(join(lower, 'dir', 'f'), 'x');
    writeFileSync(join(lower, 'gone'), 'x');
    await outputOf([
      'mount',
      '-t',
      'overlay',
      'overlay',
      '-o',
      `lowerdir=${lower},upperdir=${upper},workdir=${work},index=off,metacopy=off,redirect_dir=nofollow`,
      merged,
    ]);
    rmSync(join(merged, 'gone'));
    rmSync(join(merged, 'dir'), { recursive: true });
    mkdirSync(join(merged, 'dir'));
    writeFileSync(join(merged, 'dir', 'new'), 'y');
    await outputOf(['umount', merged]);
    const { changeset: found } = await readDirectoryForm({ path: upper, namespace: 'trusted' });
    t.deepEqual(
      describeChangeset(found).map((line) => line.split(' ').slice(0, 2).join(' ')),
      ['/ directory', '/dir directory', '/dir/new file', '/gone whiteout'],
    );
    const dir = found.entries.get('dir');
    t.true(dir?.kind === 'directory' && dir.opaque);
  } finally {
    await outputOf(['umount', '-R', join(scratch, 'overlay')]);
  }
});

it('nothing outside the destination is touched', async (t) => {
  const canary = join(scratch, 'canary');
  writeFileSync(canary, 'canary');
  chmodSync(canary, 0o600);
  utimesSync(canary, 1, 1);
  const path = fresh();
  const layer = changeset({
    'a-link': { kind: 'symlink', meta: { ...meta, mode: 0o777, uid: 9 }, target: canary },
    'b-link': { kind: 'hardlink', target: 'a-link' },
  });
  await materialise({ changeset: layer, bodies: bodies() }, emptyTree(), path, 'trusted');
  const stat = lstatSync(canary);
  t.deepEqual(
    [stat.mode & 0o7777, stat.uid, stat.mtimeMs, readFileSync(canary, 'utf8')],
    [0o600, 0, 1000, 'canary'],
  );
  t.true(lstatSync(join(path, 'b-link')).isSymbolicLink());
  t.false(existsSync(join(path, 'canary')));
});
