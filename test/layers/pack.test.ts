import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { packLayer } from '../../src/layers/pack.js';
import { bodyInTar, readLayer } from '../../src/layers/read-layer.js';
import type { Body, BodySource, Changeset, ChangesetEntry, File, Metadata } from '../../src/layers/types.js';
import { digestOf } from '../../src/oci/digest.js';
import { describeChangeset } from '../helpers/describe-tree.js';
import { memoryBody, storableChangesets } from '../helpers/layer-arbitraries.js';
import { missingOf, outputOf } from '../helpers/programs.js';
import { inChunks } from '../helpers/raw-tar.js';
import { makeScratch } from '../helpers/scratch.js';

const scratch = makeScratch('pack');
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

async function pack(changeset: Changeset, bodies: BodySource = memoryBody) {
  const chunks: Uint8Array[] = [];
  const packed = await packLayer(changeset, bodies, (chunk) => void chunks.push(chunk));
  return { ...packed, tar: Buffer.concat(chunks) };
}

function root(entries: Readonly<Record<string, ChangesetEntry>>): Changeset {
  return { kind: 'directory', meta: undefined, opaque: false, entries: new Map(Object.entries(entries)) };
}

const meta: Metadata = { mode: 0o644, uid: 0, gid: 0, mtime: 0n };
const file = (text: string): File => ({ kind: 'file', meta, size: text.length, digest: digestOf(text) });

test('unpack(pack(c)) = c, and what the index says of the tar is true', async (t) => {
  await fc.assert(
    fc.asyncProperty(storableChangesets, fc.integer({ min: 1, max: 100_000 }), async (changeset, chunk) => {
      const { tar, diffId, size, bodies } = await pack(changeset);
      const index = await readLayer(inChunks(tar, Math.max(chunk, tar.length >> 8)));
      t.deepEqual(describeChangeset(index.changeset), describeChangeset(changeset));
      t.deepEqual([index.diffId, index.size], [diffId, size]);
      t.is<string, string>(digestOf(tar), diffId);
      t.deepEqual(new Map(index.bodies), bodies);
      for (const [digest, offset] of bodies) {
        const body = memoryBody({ kind: 'file', meta, size: 0, digest });
        const bytes = body.kind === 'memory' ? body.bytes : new Uint8Array();
        t.is(Buffer.compare(tar.subarray(offset, offset + bytes.length), bytes), 0);
      }
    }),
    { numRuns: 100 },
  );
});

test('the order of a map, the umask and the folder do not change a byte', async (t) => {
  const entries: [string, ChangesetEntry][] = [
    ['b', file('x')],
    ['a', { kind: 'whiteout' }],
    ['\xff', file('')],
    ['a.b', file('x')],
  ];
  const source: BodySource = () => ({ kind: 'memory', bytes: Buffer.from('x') });
  const forwards = await pack({ ...root({}), entries: new Map(entries) }, source);
  const [cwd, umask] = [process.cwd(), process.umask(0o777)];
  process.chdir('/');
  const backwards = await pack({ ...root({}), entries: new Map(entries.reverse()) }, source);
  process.chdir(cwd);
  process.umask(umask);
  t.is(Buffer.compare(forwards.tar, backwards.tar), 0);
});

test('a packed layer has these bytes for ever', async (t) => {
  const changeset = root({
    dir: {
      kind: 'directory',
      meta: { ...meta, mode: 0o755 },
      opaque: true,
      entries: new Map([['f', file('x')]]),
    },
    gone: { kind: 'whiteout' },
    big: { ...file('x'), meta: { ...meta, uid: 3_000_000, mtime: 1_500_000_000n } },
  });
  const { tar } = await pack(changeset);
  t.is(
    createHash('sha256').update(tar).digest('hex'),
    'aec03306aa2b030defa1876122b021e475f8a5b3c85f1562458993e9cff282f0',
  );
});

test('links of a group: the first name has the content', async (t) => {
  const one: File = { ...file('x'), links: {} };
  const { tar } = await pack(root({ b: one, a: one, c: one }));
  const names = await outputOfTar(tar);
  t.deepEqual(names, ['a', 'b link to a', 'c link to a']);
});

test('a hard link whose target comes later stands behind it', async (t) => {
  const changeset = root({ a: { kind: 'hardlink', target: 'b' }, b: file('x') });
  const { tar } = await pack(changeset);
  t.deepEqual(await outputOfTar(tar), ['b', 'a link to b']);
});

async function outputOfTar(tar: Buffer): Promise<string[]> {
  const listing = await outputOf(['tar', 'tvf', '-'], { input: tar });
  return listing
    .trim()
    .split('\n')
    .map((line) => line.replace(/^\S+\s+\S+\s+\S+\s+\S+\s+\S+\s+/, ''));
}

for (const [title, name] of [
  ['a whiteout', '.wh.x'],
  ['an opaque marker', '.wh..wh..opq'],
] as const) {
  test(`a file with the name of ${title} is refused`, async (t) => {
    await t.throwsAsync(pack(root({ [name]: file('') })), { code: 'copy', message: /cannot be stored/ });
  });
}

test('an xattr name that PAX cannot hold is refused', async (t) => {
  const one: File = { ...file(''), meta: { ...meta, xattrs: new Map([['user.a=b', Uint8Array.of(1)]]) } };
  await t.throwsAsync(pack(root({ one })), { code: 'unsupported' });
});

const long = 'l'.repeat(2_000_000);
const wrong = test.macro<[promised: string, found: string]>({
  exec: async (t, promised, found) => {
    const path = join(scratch, `changed-${t.title.replaceAll(/\W/g, '-')}`);
    writeFileSync(path, found);
    const bodies: BodySource = () => ({ kind: 'path', path });
    await t.throwsAsync(pack(root({ one: file(promised) }), bodies), {
      code: 'context',
      message: /changed while it was being read/,
    });
  },
  title: (given) => `a file that changed is an error: ${given}`,
});
test('shorter', wrong, 'abc', 'ab');
test('longer', wrong, 'abc', 'abcd');
test('other bytes', wrong, 'abc', 'abd');
test('emptied', wrong, 'abc', '');
test('a long one, shorter', wrong, long, long.slice(1));
test('a long one, longer', wrong, long, `${long}x`);
test('a long one, other bytes', wrong, long, `x${long.slice(1)}`);

test('what is no regular file any more is an error, and is never waited for', async (t) => {
  const paths = ['gone', 'folder', 'link', 'fifo'].map((name) => join(scratch, name));
  mkdirSync(join(scratch, 'folder'));
  symlinkSync('/etc/passwd', join(scratch, 'link'));
  await outputOf(['mkfifo', join(scratch, 'fifo')]);
  for (const path of paths) {
    const bodies: BodySource = () => ({ kind: 'path', path });
    await t.throwsAsync(
      pack(root({ one: file('abc') }), bodies),
      { code: 'context', message: /changed/ },
      path,
    );
  }
});

const needs = missingOf(['tar', 'python3']);
const withPrograms = needs.length === 0 ? test : test.skip;

withPrograms('GNU tar and Python read what was written', async (t) => {
  const group: File = { ...file('shared'), links: {} };
  const texts = new Map(['shared', 'x', long].map((text) => [digestOf(text), Buffer.from(text)]));
  const changeset = root({
    dir: {
      kind: 'directory',
      meta: { ...meta, mode: 0o1777, mtime: -1_500_000_000n },
      opaque: false,
      entries: new Map<string, ChangesetEntry>([
        ['n'.repeat(200), file('x')],
        ['g', group],
      ]),
    },
    g: group,
    'caf\xc3\xa9': {
      ...file('x'),
      meta: { mode: 0o4755, uid: 3_000_000, gid: 4, mtime: 2_208_988_800_123_456_789n },
    },
    link: { kind: 'symlink', meta: { ...meta, mode: 0o777 }, target: 't'.repeat(150) },
    long: file(long),
  });
  const { tar } = await pack(changeset, ({ digest }): Body => ({
    kind: 'memory',
    bytes: texts.get(digest) ?? Buffer.alloc(0),
  }));
  const script = `
import sys, tarfile, hashlib
for m in tarfile.open(fileobj=sys.stdin.buffer, mode='r|'):
    print(m.name, m.type.decode(), oct(m.mode), m.uid, m.gid, m.size, '%.3f' % m.mtime, m.linkname)`;
  const python = await outputOf(['python3', '-c', script], { input: tar, env: { PYTHONIOENCODING: 'utf8' } });
  t.deepEqual(python.split('\n').slice(0, -1), [
    'café 0 0o4755 3000000 4 1 2208988800.123 ',
    'dir 5 0o1777 0 0 0 -1.500 ',
    'dir/g 0 0o644 0 0 6 0.000 ',
    `dir/${'n'.repeat(200)} 0 0o644 0 0 1 0.000 `,
    'g 1 0o644 0 0 0 0.000 dir/g',
    `link 2 0o777 0 0 0 0.000 ${'t'.repeat(150)}`,
    'long 0 0o644 0 0 2000000 0.000 ',
  ]);
  const extracted = join(scratch, 'gnu');
  mkdirSync(extracted);
  await outputOf(['tar', 'xf', '-', '--no-same-owner', '-C', extracted], { input: tar });
  const sizes = await outputOf(['find', '.', '-type', 'f', '-printf', '%s %n %m\n'], { cwd: extracted });
  t.deepEqual(sizes.trim().split('\n').sort(), [
    '1 1 4755',
    '1 1 644',
    '2000000 1 644',
    '6 2 644',
    '6 2 644',
  ]);
  chmodSync(extracted, 0o755);
});

withPrograms('archives of GNU tar in each format give the same changeset', async (t) => {
  const source = join(scratch, 'source');
  mkdirSync(join(source, 'd'.repeat(150)), { recursive: true });
  writeFileSync(join(source, 'd'.repeat(150), 'file'), 'content');
  await outputOf(['truncate', '-s', '3M', join(source, 'sparse')]);
  await outputOf(['dd', `of=${join(source, 'sparse')}`, 'bs=1M', 'seek=1', 'conv=notrunc', 'status=none'], {
    input: 'data',
  });
  await outputOf(['ln', '-s', 't'.repeat(120), join(source, 'link')]);
  await outputOf(['ln', join(source, 'sparse'), join(source, 'other')]);
  const variants = [
    ['--format=gnu'],
    ['--format=pax', '--pax-option=delete=atime,delete=ctime'],
    ['--format=gnu', '-S'],
    ...['0.0', '0.1', '1.0'].map((version) => ['--format=pax', '-S', `--sparse-version=${version}`]),
  ];
  const described: string[][] = [];
  for (const variant of variants) {
    const path = join(scratch, 'variant.tar');
    await outputOf(['tar', ...variant, '--mtime=@1700000000', '--sort=name', '-C', source, '-cf', path, '.']);
    const bytes = Buffer.from(await outputOf(['base64', '-w0', path]), 'base64');
    const index = await readLayer(inChunks(bytes, 65_536));
    described.push(describeChangeset(index.changeset));
    const repacked = await pack(
      index.changeset,
      (one) => bodyInTar(index, path, one) ?? { kind: 'memory', bytes: Buffer.alloc(0) },
    );
    const again = await readLayer(inChunks(repacked.tar));
    t.deepEqual(describeChangeset(again.changeset), describeChangeset(index.changeset), variant.join(' '));
  }
  for (const lines of described) t.deepEqual(lines, described[0] ?? []);
});
