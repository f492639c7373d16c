import test from 'ava';
import { bodyInTar, readArchive, readLayer } from '../../src/layers/read-layer.js';
import { readBody } from '../../src/layers/body.js';
import { walkChangeset } from '../../src/layers/changeset.js';
import type { Changeset, ChangesetEntry } from '../../src/layers/types.js';
import { digestOf } from '../../src/oci/digest.js';
import {
  archive,
  inChunks,
  octal,
  rawDirectory,
  rawFile,
  rawHeader,
  rawLink,
  rawPax,
} from '../helpers/raw-tar.js';
import { makeScratch } from '../helpers/scratch.js';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One line per entry: path, kind, and what tells it apart. Contents are named by what they are. */
function lines(changeset: Changeset): string[] {
  const all = Array.from(walkChangeset(changeset), ([path, entry]) => `${path} ${shown(entry)}`);
  return changeset.opaque ? ['/ opaque', ...all] : all;
}

const contents = new Map(['', 'old', 'new', 'low', 'x'].map((text) => [digestOf(text), text]));

function shown(entry: ChangesetEntry): string {
  switch (entry.kind) {
    case 'directory':
      return [
        'dir',
        ...(entry.opaque ? ['opaque'] : []),
        ...(entry.meta === undefined ? ['implicit'] : []),
      ].join(' ');
    case 'file':
      return `file ${JSON.stringify(contents.get(entry.digest) ?? entry.digest)}${entry.links === undefined ? '' : ' linked'}`;
    case 'symlink':
    case 'hardlink':
      return `${entry.kind} ${entry.target}`;
    case 'device':
      return `${entry.type} ${entry.major}:${entry.minor}`;
    case 'whiteout':
      return 'whiteout';
  }
}

const read = async (parts: readonly Uint8Array[]): Promise<string[]> =>
  lines((await readLayer(inChunks(archive(...parts)))).changeset);

const gives = test.macro<[parts: readonly Uint8Array[], expected: readonly string[]]>({
  exec: async (t, parts, expected) => void t.deepEqual(await read(parts), [...expected]),
  title: (given) => given ?? '',
});
const refuses = test.macro<[parts: readonly Uint8Array[], message: RegExp]>({
  exec: async (t, parts, message) => {
    const error = await t.throwsAsync(read(parts), { code: 'archive' });
    t.regex(error?.message ?? '', message);
  },
  title: (given) => `refused: ${given}`,
});

const dir = rawDirectory;
const file = rawFile;
const symlink = rawLink;
const hardlink = (name: string, target: string): Buffer => rawLink(name, target, '1');

// Names: nothing leaves the root, and the root itself stays what it is.
for (const name of ['.', './', '/', '', '..', '../', '/..', 'a/..', '//']) {
  for (const type of ['0', '1', '2', '3', '4', '5', '6']) {
    test(
      `the root as ${JSON.stringify(name)} of type ${type} is ignored`,
      gives,
      [rawHeader({ name, type, link: 'x', major: octal(1, 7) }), file('x')],
      ['x file ""'],
    );
  }
}
test('the root of a layer has no metadata', async (t) => {
  const { changeset } = await readLayer(inChunks(archive(dir('./', { mode: '0000700\0' }))));
  t.is(changeset.meta, undefined);
});
for (const [name, path] of [
  ['../x', 'x'],
  ['/../x', 'x'],
  ['/x', 'x'],
  ['//x', 'x'],
  ['./x', 'x'],
  ['../../../../x', 'x'],
] as const) {
  test(`the name ${name} means ${path}`, gives, [file(name)], [`${path} file ""`]);
}
test('the name a/../../x means x', gives, [file('a/../../x')], ['x file ""']);
test('the name a//b means a/b', gives, [file('a//b')], ['a dir implicit', 'a/b file ""']);
test('the name a/./b means a/b', gives, [file('a/./b')], ['a dir implicit', 'a/b file ""']);
test(
  'names that an object would stumble over',
  gives,
  [file('__proto__/constructor')],
  ['__proto__ dir implicit', '__proto__/constructor file ""'],
);
test(
  'names that are not UTF-8 stay apart',
  gives,
  [file('caf\xe9'), file('caf\xe8')],
  ['caf\xe8 file ""', 'caf\xe9 file ""'],
);
test('a component of 256 bytes', refuses, [rawPax({ path: 'n'.repeat(256) }), file('a')], /too long/);
test('a path of 5000 bytes', refuses, [rawPax({ path: 'n/'.repeat(2500) }), file('a')], /too long/);
test('2000 directories deep', async (t) => {
  const found = await read([rawPax({ path: 'd/'.repeat(2000) }), dir('a')]);
  t.is(found.length, 2000);
});

// Whiteouts (image-spec layer.md).
test('a whiteout', gives, [file('a/.wh.b')], ['a dir implicit', 'a/b whiteout']);
test(
  'a whiteout of any type',
  gives,
  [dir('.wh.a/'), hardlink('.wh.b', 'x'), symlink('.wh.c', 'x')],
  ['a whiteout', 'b whiteout', 'c whiteout'],
);
test('a whiteout with content', gives, [file('.wh.a', 'x')], ['a whiteout']);
test('an opaque directory', gives, [dir('a/'), file('a/.wh..wh..opq')], ['a dir opaque']);
test('an opaque marker before its directory', gives, [file('a/.wh..wh..opq'), dir('a/')], ['a dir opaque']);
test(
  'an opaque marker behind the siblings keeps them',
  gives,
  [file('a/b'), file('a/.wh..wh..opq')],
  ['a dir opaque implicit', 'a/b file ""'],
);
test('an opaque root', gives, [file('.wh..wh..opq'), file('a')], ['/ opaque', 'a file ""']);
test(
  'a whiteout never hides what its own layer brings',
  gives,
  [file('a', 'new'), file('.wh.a')],
  ['a file "new"'],
);
test(
  'a whiteout before what its own layer brings',
  gives,
  [file('.wh.a'), file('a', 'new')],
  ['a file "new"'],
);
test(
  'a whiteout of a directory that its own layer brings makes it opaque',
  gives,
  [file('.wh.a'), file('a/b')],
  ['a dir opaque implicit', 'a/b file ""'],
);
test(
  'what aufs keeps for itself is ignored',
  gives,
  [dir('.wh..wh.plnk/'), file('.wh..wh.plnk/1.2', 'x'), file('.wh..wh.aufs')],
  [],
);
for (const name of ['.wh.', 'a/.wh.', '.wh..', '.wh...'])
  test(`the whiteout ${name}`, refuses, [file(name)], /whiteout/);
test('something below a whiteout', refuses, [file('.wh.a/b')], /below/);
test('a whiteout below a whiteout', refuses, [file('.wh.a/.wh.b')], /below/);
test(
  'a whiteout behind a link of the layer lands where the link leads',
  gives,
  [dir('real/'), symlink('link', 'real'), file('link/.wh.x')],
  ['link symlink real', 'real dir', 'real/x whiteout'],
);

// Later members replace earlier ones.
test('the last of two files counts', gives, [file('a', 'old'), file('a', 'new')], ['a file "new"']);
test(
  'a file replaces a directory with all that is in it',
  gives,
  [file('a/b', 'old'), file('a', 'new')],
  ['a file "new"'],
);
test(
  'a directory replaces a file',
  gives,
  [file('a', 'old'), dir('a/'), file('a/b')],
  ['a dir', 'a/b file ""'],
);
test(
  'a directory twice keeps what is in it',
  gives,
  [dir('a/'), file('a/b'), dir('a/')],
  ['a dir', 'a/b file ""'],
);
test(
  'directory, link, directory',
  gives,
  [dir('a/'), file('a/x'), symlink('a', 'b'), dir('a/'), file('a/y')],
  ['a dir', 'a/y file ""'],
);
test(
  'a member after a directory became a link goes where the link leads',
  gives,
  [dir('a/'), file('a/x'), symlink('a', 'b'), file('a/y')],
  ['a symlink b', 'b dir implicit', 'b/y file ""'],
);

// Parents that are links are followed inside the root.
test(
  'a parent that links out of the root',
  gives,
  [symlink('a', '/etc'), file('a/passwd', 'new')],
  ['a symlink /etc', 'etc dir implicit', 'etc/passwd file "new"'],
);
test(
  'a parent that climbs out of the root',
  gives,
  [symlink('a', '../../..'), file('a/x')],
  ['a symlink ../../..', 'x file ""'],
);
test(
  'a parent that links to a sibling with the same beginning',
  gives,
  [symlink('a', '../root-evil'), file('a/x')],
  ['a symlink ../root-evil', 'root-evil dir implicit', 'root-evil/x file ""'],
);
test(
  '.. behind a link goes up from where the link leads',
  gives,
  [dir('d/e/'), symlink('a', 'd/e'), symlink('b', 'a/../f'), file('b/x')],
  ['a symlink d/e', 'b symlink a/../f', 'd dir implicit', 'd/e dir', 'd/f dir implicit', 'd/f/x file ""'],
);
test(
  'a parent that is a loop of links',
  refuses,
  [symlink('a', 'b'), symlink('b', 'a'), file('a/x')],
  /too many symbolic links/,
);
test('a parent that is a file', refuses, [file('a'), file('a/b')], /no directory/);
test('a parent that is a fifo', refuses, [rawHeader({ name: 'a', type: '6' }), file('a/b')], /no directory/);

// Hard links.
test(
  'a hard link within the layer',
  gives,
  [file('a', 'x'), hardlink('b', 'a')],
  ['a file "x" linked', 'b file "x" linked'],
);
test(
  'a hard link with an absolute target',
  gives,
  [file('a', 'x'), hardlink('d/b', '/a')],
  ['a file "x" linked', 'd dir implicit', 'd/b file "x" linked'],
);
test('a hard link never leaves the root', gives, [hardlink('b', '../../victim')], ['b hardlink victim']);
test('a hard link to a file of a lower layer', gives, [hardlink('b', 'lib/a')], ['b hardlink lib/a']);
test(
  'a hard link to a later member',
  gives,
  [hardlink('b', 'a'), file('a', 'x')],
  ['a file "x" linked', 'b file "x" linked'],
);
test(
  'a hard link to a symbolic link is the same link',
  gives,
  [symlink('a', '/etc/shadow'), hardlink('b', 'a')],
  ['a symlink /etc/shadow', 'b symlink /etc/shadow'],
);
test(
  'a hard link through a link',
  gives,
  [dir('d/'), file('d/f', 'x'), symlink('l', 'd'), hardlink('b', 'l/f')],
  ['b file "x" linked', 'd dir', 'd/f file "x" linked', 'l symlink d'],
);
test(
  'a hard link keeps the file when its first name is replaced',
  gives,
  [file('a', 'old'), hardlink('b', 'a'), file('a', 'new')],
  ['a file "new"', 'b file "old" linked'],
);
test(
  'a hard link to a device',
  gives,
  [rawHeader({ name: 'a', type: '3', major: octal(1, 7), minor: octal(3, 7) }), hardlink('b', 'a')],
  ['a char 1:3', 'b char 1:3'],
);
test('a hard link to a directory', refuses, [dir('a/'), hardlink('b', 'a')], /directory/);
test('a hard link to itself', refuses, [file('a'), hardlink('a', 'a')], /itself/);
test('a hard link to the root', refuses, [hardlink('a', '/')], /points to/);
test('a hard link to a whiteout', refuses, [file('.wh.x'), hardlink('a', '.wh.x')], /points to/);

// Types.
test(
  'devices',
  gives,
  [
    rawHeader({ name: 'b', type: '4', major: octal(8, 7) }),
    rawHeader({ name: 'c', type: '3', major: octal(1, 7), minor: octal(1, 7) }),
    rawHeader({ name: 'f', type: '6' }),
  ],
  ['b block 8:0', 'c char 1:1', 'f fifo 0:0'],
);
test('a character device 0:0', refuses, [rawHeader({ name: 'etc', type: '3' })], /whiteout/);
for (const type of ['V', 'M', 'N', 'A', 'Z', '7', 'D'])
  test(`the type ${type}`, refuses, [file('a', '', { type })], /unknown type/);
test('a symbolic link without a target', refuses, [symlink('a', '')], /no target/);

test('metadata: what counts is kept, what belongs to overlayfs and the host is not', async (t) => {
  const capability = '\x01\x00\x00\x02\xff\x80\x00\x00';
  const bytes = archive(
    rawPax({
      mtime: '-1.5',
      uid: '3000000',
      'SCHILY.xattr.security.capability': capability,
      'SCHILY.xattr.security.selinux': 'label',
      'SCHILY.xattr.trusted.overlay.opaque': 'y',
      'SCHILY.xattr.trusted.overlay.redirect': '/etc',
      'SCHILY.xattr.user.overlay.opaque': 'y',
      'SCHILY.xattr.user.note': '\xff',
    }),
    file('a', '', { mode: '0106755\0' }),
  );
  const layer = (await readLayer(inChunks(bytes))).changeset.entries.get('a');
  const capabilityOnly = ['security.capability', Buffer.from(capability, 'latin1').toString('hex')];
  const xattrsOf = (entry: ChangesetEntry | undefined) =>
    entry?.kind === 'file'
      ? [...(entry.meta.xattrs ?? [])].map(([name, value]) => [name, Buffer.from(value).toString('hex')])
      : [];
  t.deepEqual(xattrsOf(layer), [capabilityOnly, ['user.note', 'ff']]);
  t.like(layer?.kind === 'file' ? layer.meta : {}, { mode: 0o6755, uid: 3_000_000, mtime: -1_500_000_000n });
  const added = (await readArchive(inChunks(bytes))).changeset.entries.get('a');
  t.deepEqual(xattrsOf(added), [capabilityOnly]);
});

for (const [title, records] of [
  [
    '129 attributes',
    Object.fromEntries(Array.from({ length: 129 }, (_, at) => [`SCHILY.xattr.user.${at}`, 'v'])),
  ],
  ['an attribute of 65 KiB', { 'SCHILY.xattr.user.a': 'v'.repeat(65_537) }],
] as const) {
  test(title, refuses, [rawPax(records), file('a')], /extended attributes/);
}

test('in an archive for ADD whiteouts are plain names', async (t) => {
  const bytes = archive(file('.wh.a', 'x'), file('d/.wh..wh..opq'), file('.wh.'));
  t.deepEqual(lines((await readArchive(inChunks(bytes))).changeset), [
    '.wh. file ""',
    '.wh.a file "x"',
    'd dir implicit',
    'd/.wh..wh..opq file ""',
  ]);
});

test('the DiffID covers what follows the end of the archive', async (t) => {
  const bytes = Buffer.concat([archive(file('a', 'x')), Buffer.from('hidden')]);
  const index = await readLayer(inChunks(bytes, 600));
  t.deepEqual([index.diffId as string, index.size], [digestOf(bytes) as string, bytes.length]);
});

test('bodies of plain and of sparse files are found in the tar', async (t) => {
  const scratch = makeScratch('bodies');
  const path = join(scratch, 'layer.tar');
  const map = {
    'GNU.sparse.size': '1000000',
    'GNU.sparse.numblocks': '2',
    'GNU.sparse.map': '10,2,400000,2',
  };
  const bytes = archive(file('plain', 'content'), rawPax(map), file('sparse', 'abcd'));
  writeFileSync(path, bytes);
  try {
    const index = await readLayer(inChunks(bytes, 700));
    for (const [, entry] of walkChangeset(index.changeset)) {
      if (entry.kind !== 'file') continue;
      const body = bodyInTar(index, path, entry);
      const chunks: Uint8Array[] = [];
      if (body !== undefined) for await (const chunk of readBody(body)) chunks.push(chunk);
      const found = Buffer.concat(chunks);
      t.deepEqual([digestOf(found) as string, found.length], [entry.digest as string, entry.size]);
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
});

test(
  'a sparse file of 60 GiB is refused before its zeros are made',
  refuses,
  [rawHeader({ name: 's', type: 'S', magic: 'ustar  \0', patch: { 483: octal(60 * 2 ** 30) } })],
  /50 GiB/,
);
