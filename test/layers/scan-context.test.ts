import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { packLayer } from '../../src/layers/pack.js';
import {
  scanContext,
  type FileIdentity,
  type HashCache,
  type ScannedContext,
} from '../../src/layers/scan-context.js';
import { lookup } from '../../src/layers/tree.js';
import type { Changeset, File } from '../../src/layers/types.js';
import { walkTree } from '../../src/layers/walk-tree.js';
import { digestOf, type Digest } from '../../src/oci/digest.js';
import { parseIgnoreFile } from '../../src/parser/ignore.js';
import { missingOf } from '../helpers/programs.js';
import { makeScratch, writeFiles } from '../helpers/scratch.js';

const scratch = makeScratch('context');
// rm(1): Node cannot remove what has longer paths than PATH_MAX.
test.after.always(() => execFileSync('rm', ['-rf', scratch]));
let count = 0;

function context(files: Readonly<Record<string, string>>): string {
  const root = join(scratch, `context-${count++}`);
  mkdirSync(root);
  writeFiles(root, files);
  return root;
}

function fileAt({ tree }: ScannedContext, path: string): File {
  const node = lookup(tree, path);
  if (node?.kind !== 'file') throw new Error(`${path} is no file`);
  return node;
}

const paths = ({ tree }: ScannedContext): string[] => Array.from(walkTree(tree), ([path]) => path);

/** Counts what is read. Files that were changed a moment ago are not remembered: `settle` makes them old. */
class CountingCache implements HashCache {
  readonly known = new Map<string, Digest>();
  get(...identity: FileIdentity): Digest | undefined {
    return this.known.get(identity.join());
  }
  set(digest: Digest, ...identity: FileIdentity): void {
    this.known.set(identity.join(), digest);
  }
}

test('a context is a tree with modes and times, hashed when it is asked', async (t) => {
  const root = context({ 'a.txt': 'a', 'dir/b': 'bb' });
  chmodSync(join(root, 'a.txt'), 0o4755);
  utimesSync(join(root, 'dir'), 1000, 2000);
  const scanned = await scanContext(root);
  t.deepEqual(paths(scanned), ['a.txt', 'dir', 'dir/b']);
  const file = fileAt(scanned, 'a.txt');
  t.like(file, { kind: 'file', size: 1, digest: digestOf('a') });
  t.is(file.meta.mode, 0o4755);
  t.is(lookup(scanned.tree, 'dir')?.meta.mtime, 2_000_000_000_000n);
  t.deepEqual(scanned.body(file), { kind: 'path', path: `${root}/a.txt` });
});

test('a copy of a file made by spreading has its digest', async (t) => {
  const scanned = await scanContext(context({ a: 'text' }));
  const copy = { ...fileAt(scanned, 'a'), meta: { mode: 0, uid: 0, gid: 0, mtime: 0n } };
  t.is(copy.digest, digestOf('text'));
  t.throws(() => scanned.body(copy), { code: 'context' });
});

test('hash reads ahead: files may be gone afterwards', async (t) => {
  const root = context({ a: 'a', b: 'x'.repeat(3_000_000) });
  const scanned = await scanContext(root);
  const files = [fileAt(scanned, 'a'), fileAt(scanned, 'b')];
  await scanned.hash(files);
  rmSync(root, { recursive: true });
  t.deepEqual(
    files.map((file) => file.digest),
    [digestOf('a'), digestOf('x'.repeat(3_000_000))],
  );
});

test('an ignore file: what is excluded, by which pattern, and what comes back', async (t) => {
  const root = context({
    'secret.txt': 's',
    'node_modules/x/y': 'y',
    'src/keep.txt': 'k',
    'src/drop.txt': 'd',
    'sub/other': 'o',
  });
  const ignore = parseIgnoreFile('secret*\nnode_modules\n*/**\n!src/keep.txt\n');
  const scanned = await scanContext(root, ignore);
  t.deepEqual(paths(scanned), ['src', 'src/keep.txt', 'sub']);
  t.is(scanned.excluded.get('secret.txt')?.pattern, 'secret*');
  t.is(scanned.excluded.get('src/drop.txt')?.pattern, '*/**');
  t.false(scanned.excluded.has('src/keep.txt'));
});

test('an excluded directory comes back with its own metadata when something below it does', async (t) => {
  const root = context({ 'a/b/keep': 'k', 'a/b/drop': 'd', 'a/c/drop': 'd' });
  chmodSync(join(root, 'a'), 0o700);
  const scanned = await scanContext(root, parseIgnoreFile('a\n!a/b/keep\n'));
  t.deepEqual(paths(scanned), ['a', 'a/b', 'a/b/keep']);
  t.is(lookup(scanned.tree, 'a')?.meta.mode, 0o700);
  t.deepEqual([...scanned.excluded], [['a', { pattern: 'a', line: 1 }]]);
});

test('an excluded directory is not even opened', async (t) => {
  const root = context({ 'a/b': 'x', c: 'x' });
  const opened: string[] = [];
  const ignore = {
    match: (path: string) => (opened.push(path), { excluded: path === 'a', pattern: 'a' }),
    mayIncludeBelow: () => false,
  };
  await scanContext(root, ignore);
  t.deepEqual(opened, ['c', 'a']);
});

test('names are bytes', async (t) => {
  const root = context({ A: '', a: '', '-rf': '', 'a\nb': '' });
  writeFileSync(Buffer.from(`${root}/caf\xe9`, 'latin1'), 'x');
  const scanned = await scanContext(root);
  t.deepEqual(paths(scanned), ['-rf', 'A', 'a', 'a\nb', 'caf\xe9']);
  t.is(fileAt(scanned, 'caf\xe9').digest, digestOf('x'));
});

test('hard links are one file', async (t) => {
  const root = context({ 'd/a': 'x' });
  linkSync(join(root, 'd/a'), join(root, 'b'));
  const scanned = await scanContext(root);
  t.is(fileAt(scanned, 'b'), fileAt(scanned, 'd/a'));
  t.truthy(fileAt(scanned, 'b').links);
});

test('fifos are never opened, links never followed, sockets left out and told of', async (t) => {
  const root = context({ a: 'a' });
  execFileSync('mkfifo', [join(root, 'fifo')]);
  symlinkSync('/dev/zero', join(root, 'link'));
  const server = createServer().listen(join(root, 'socket'));
  await once(server, 'listening');
  const skipped: string[] = [];
  const scanned = await scanContext(root, undefined, { onSkipped: (path) => skipped.push(path) });
  server.close();
  t.deepEqual(
    Array.from(walkTree(scanned.tree), ([path, node]) => `${path} ${node.kind}`),
    ['a file', 'fifo device', 'link symlink'],
  );
  t.deepEqual(skipped, ['socket']);
});

const changed = test.macro<[change: (path: string) => void]>({
  exec: async (t, change) => {
    const root = context({ a: 'before', b: 'other!' });
    const scanned = await scanContext(root);
    change(join(root, 'a'));
    const expected = { code: 'context', message: /"a" changed while the build context was being read/ };
    await t.throwsAsync(scanned.hash([fileAt(scanned, 'a')]), expected);
    t.throws(() => fileAt(scanned, 'a').digest, expected);
  },
  title: (given) => `a file that is ${given} after the walk is an error`,
});
test('written to', changed, (path) => appendFileSync(path, 'more'));
test('deleted', changed, (path) => unlinkSync(path));
test('replaced by another of equal size', changed, (path) => renameSync(join(path, '../b'), path));
test('replaced by a link', changed, (path) => {
  unlinkSync(path);
  symlinkSync('b', path);
});
test('replaced by a directory', changed, (path) => {
  unlinkSync(path);
  mkdirSync(path);
});
test('replaced by a fifo', changed, (path) => {
  unlinkSync(path);
  execFileSync('mkfifo', [path]);
});

test('a directory that becomes a link leads nowhere', async (t) => {
  const outside = context({ file: 'canary' });
  const root = context({ 'dir/file': 'inside' });
  const scanned = await scanContext(root);
  renameSync(join(root, 'dir'), join(root, 'moved'));
  symlinkSync(outside, join(root, 'dir'));
  await t.throwsAsync(scanned.hash([fileAt(scanned, 'dir/file')]), { code: 'context', message: /changed/ });
});

test('a hashed file whose directory becomes a link is not packed from there', async (t) => {
  const outside = context({ file: 'canary' });
  const root = context({ 'dir/file': 'inside' });
  const scanned = await scanContext(root);
  const file = fileAt(scanned, 'dir/file');
  await scanned.hash([file]);
  renameSync(join(root, 'dir'), join(root, 'moved'));
  symlinkSync(outside, join(root, 'dir'));
  const layer: Changeset = {
    kind: 'directory',
    meta: undefined,
    opaque: false,
    entries: new Map([['f', file]]),
  };
  await t.throwsAsync(
    packLayer(
      layer,
      () => scanned.body(file),
      () => undefined,
    ),
    { code: 'context', message: /changed/ },
  );
});

// Serial, since open descriptors are counted.
const withPython = missingOf(['python3']).length === 0 ? test.serial : test.serial.skip;
withPython('deep trees need neither a long path nor many open files', async (t) => {
  const root = context({});
  const names = Array.from({ length: 300 }, () => 'd'.repeat(20));
  const script = `
import os
for _ in range(300):
    os.mkdir('d' * 20)
    os.chdir('d' * 20)
open('file', 'w').write('bottom')`;
  execFileSync('python3', ['-c', script], { cwd: root });
  const before = readdirSync('/proc/self/fd').length;
  const scanned = await scanContext(root);
  const node = lookup(scanned.tree, [...names, 'file'].join('/'));
  t.is(node?.kind === 'file' ? node.digest : '', digestOf('bottom'));
  t.is(readdirSync('/proc/self/fd').length, before, 'every descriptor is closed');
});

test('the cache is asked for settled files only, and knows them next time', async (t) => {
  const root = context({ old: 'old', new: 'new' });
  const cache = new CountingCache();
  const first = await scanContext(root, undefined, { hashCache: cache });
  await first.hash([fileAt(first, 'old'), fileAt(first, 'new')]);
  t.is(cache.known.size, 0, 'written a moment ago: they could change without a new timestamp');
  const later = Date.now() + 10_000;
  const second = await withClock(later, () => scanContext(root, undefined, { hashCache: cache }));
  await second.hash([fileAt(second, 'old'), fileAt(second, 'new')]);
  t.is(cache.known.size, 2);
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(join(root, 'old'), { bigint: true });
  cache.set(digestOf('remembered'), dev, ino, size, mtimeNs, ctimeNs);
  const third = await withClock(later, () => scanContext(root, undefined, { hashCache: cache }));
  t.is(fileAt(third, 'old').digest, digestOf('remembered'));
  const fourth = await scanContext(root, undefined, { hashCache: cache });
  t.is(fileAt(fourth, 'old').digest, digestOf('old'), 'not settled yet: read again');
});

/** Runs `work` as if it were another time. */
async function withClock<T>(time: number, work: () => Promise<T>): Promise<T> {
  const { now } = Date;
  Date.now = () => time;
  try {
    return await work();
  } finally {
    Date.now = now;
  }
}

test('what cannot be read is named', async (t) => {
  await t.throwsAsync(scanContext(join(scratch, 'absent')), { code: 'context', message: /absent.*ENOENT/ });
});

const asOther = missingOf(['root', 'setpriv']).length === 0 ? test : test.skip;
asOther('a file without permission is named, with a hint', async (t) => {
  const root = context({ secret: 's' });
  chmodSync(join(root, 'secret'), 0);
  chmodSync(scratch, 0o755);
  const module = new URL('../../src/layers/scan-context.js', import.meta.url).href;
  const script = `const { scanContext } = await import(${JSON.stringify(module)});
    const { tree } = await scanContext(${JSON.stringify(root)});
    try { void tree.entries.get('secret').digest; } catch (error) { process.stdout.write(error.code + ': ' + error.message); }`;
  const args = [
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    process.execPath,
    '--input-type=module',
    '-e',
    script,
  ];
  const output = execFileSync('setpriv', args, { encoding: 'utf8' });
  t.is(output, 'context: cannot read "secret" of the build context: EACCES');
});
