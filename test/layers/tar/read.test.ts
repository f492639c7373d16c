import test from 'ava';
import { readTar } from '../../../src/layers/tar/read.js';
import {
  archive,
  inChunks,
  octal,
  padded,
  paxRecord,
  rawDirectory,
  rawFile,
  rawHeader,
  rawLink,
  rawPax,
  zeroBlocks,
} from '../../helpers/raw-tar.js';

/** One line per member: type letter, name, link target, size and content. */
async function list(bytes: Uint8Array, chunk?: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const { entry, content } of readTar(inChunks(bytes, chunk))) {
    const parts: Uint8Array[] = [];
    await content.forEach((part) => parts.push(Buffer.from(part)));
    const text = Buffer.concat(parts).toString('latin1');
    const shown = text.length > 40 ? `${text.length} bytes` : JSON.stringify(text);
    lines.push(
      [entry.type, entry.name, ...(entry.linkname ? [`-> ${entry.linkname}`] : []), shown].join(' '),
    );
  }
  return lines;
}

const reads = test.macro<[bytes: Uint8Array, lines: readonly string[]]>({
  exec: async (t, bytes, lines) => {
    t.deepEqual(await list(bytes), [...lines]);
    t.deepEqual(await list(bytes, 100), [...lines], 'the same in small chunks');
  },
  title: (given) => `reads ${given}`,
});

const refuses = test.macro<[bytes: Uint8Array, message: RegExp]>({
  exec: async (t, bytes, message) => {
    const error = await t.throwsAsync(list(bytes), { code: 'archive' });
    t.regex(error?.message ?? '', message);
  },
  title: (given) => `refuses ${given}`,
});

const hidden = rawFile('hidden', 'x');

// Sizes of what has no content are ignored: what follows are members, not content.
for (const [type, kind] of [
  ['1', 'hardlink'],
  ['2', 'symlink'],
  ['3', 'char'],
  ['4', 'block'],
  ['5', 'directory'],
  ['6', 'fifo'],
] as const) {
  const header = rawHeader({ name: 'n', type, link: 'l', size: octal(1024) });
  test(`a ${kind} with a size`, reads, archive(header, hidden), [`${kind} n -> l ""`, 'file hidden "x"']);
}
test(
  'a directory whose PAX size is set',
  reads,
  archive(rawPax({ size: '1024' }), rawDirectory('d/'), hidden),
  ['directory d/ ""', 'file hidden "x"'],
);

// The end of the archive.
test('nothing behind two zero blocks', reads, Buffer.concat([archive(rawFile('a')), archive(hidden)]), [
  'file a ""',
]);
test('garbage behind the end', reads, Buffer.concat([archive(rawFile('a')), Buffer.from('garbage')]), [
  'file a ""',
]);
test('an archive without an end', reads, rawFile('a', 'b'), ['file a "b"']);
test('an archive that ends after one zero block', reads, Buffer.concat([rawFile('a'), Buffer.alloc(512)]), [
  'file a ""',
]);
test('an archive without the last padding', reads, rawFile('a', 'b').subarray(0, 513), ['file a "b"']);
test('an empty source', reads, Buffer.alloc(0), []);
test('an empty archive', reads, archive(), []);
test(
  'a single zero block between members',
  refuses,
  archive(rawFile('a'), Buffer.alloc(512), hidden),
  /zero block/,
);
test('half a header', refuses, rawHeader({}).subarray(0, 300), /inside a header/);
test(
  'half a header after a member',
  refuses,
  Buffer.concat([rawFile('a'), Buffer.alloc(100, 1)]),
  /inside a header/,
);
test('content that is cut off', refuses, rawFile('a', 'bcd').subarray(0, 514), /inside a file/);
test('a second header that is garbage', refuses, archive(rawFile('a'), Buffer.alloc(512, 7)), /checksum/);

// PAX.
test('PAX names and links', reads, archive(rawPax({ path: 'p/q', linkpath: 'l\xe9' }), rawLink('a', 'b')), [
  'symlink p/q -> l\xe9 ""',
]);
test('an empty PAX value as no value', reads, archive(rawPax({ path: '' }), rawFile('a')), ['file a ""']);
test('a PAX size', reads, archive(rawPax({ size: '3' }), rawHeader({ name: 'a' }), padded('bcd'), hidden), [
  'file a "bcd"',
  'file hidden "x"',
]);
test(
  'only the last of two PAX headers',
  reads,
  archive(rawPax({ path: 'p' }), rawPax({ uid: '7' }), rawFile('a')),
  ['file a ""'],
);
test(
  'no member from a global header',
  reads,
  archive(rawPax({ path: 'leak', uid: '5' }, 'g'), rawPax({ mtime: '1' }), rawFile('a')),
  ['file a ""'],
);
test(
  'no PAX header across a global one',
  reads,
  archive(rawPax({ path: 'p' }), rawPax({ comment: 'c' }, 'g'), rawFile('a')),
  ['file a ""'],
);
test('the PAX key __proto__', reads, archive(rawPax({ __proto__x: '1', constructor: '2' }), rawFile('a')), [
  'file a ""',
]);
for (const key of ['path', 'linkpath', 'uname', 'gname']) {
  test(`NUL in PAX ${key}`, refuses, archive(rawPax({ [key]: 'safe\0/../../evil' }), rawFile('a')), /NUL/);
}
test('NUL in a PAX key', refuses, archive(rawPax({ 'a\0b': 'v' }), rawFile('a')), /NUL/);
const pax = (body: string) => archive(rawFile('pax', body, { type: 'x' }), rawFile('a'));
test('a PAX length past the record', refuses, pax('99 path=x\n'), /length/);
test('a negative PAX length', refuses, pax('-9 path=x\n'), /length/);
test('a PAX length that is too short', refuses, pax('4 a\n'), /length/);
test('a PAX record without a newline', refuses, pax('9 path=xx'), /length/);
test('a PAX record without =', refuses, pax('9 pathxx\n'), /no key/);
test('a PAX record without a key', refuses, pax('9 =abcde\n'), /no key/);
test('a PAX record that is no number', refuses, pax('x path=1\n'), /length/);
test('a PAX uid that is no number', refuses, archive(rawPax({ uid: '1e3' }), rawFile('a')), /not a number/);
test('a PAX size that is negative', refuses, archive(rawPax({ size: '-1' }), rawFile('a')), /out of range/);
test('a PAX time that is no number', refuses, archive(rawPax({ mtime: 'NaN' }), rawFile('a')), /not a/);
test(
  'a PAX time with an exponent',
  refuses,
  archive(rawPax({ mtime: '1.5e300' }), rawFile('a')),
  /not a time/,
);
test(
  'a PAX header over 1 MiB',
  refuses,
  archive(rawPax({ comment: 'x'.repeat(3 << 20) }), rawFile('a')),
  /1 MiB/,
);
test('a PAX header that is cut off', refuses, rawPax({ path: 'p' }).subarray(0, 515), /extended header/);

// GNU.
const gnu = { magic: 'ustar  \0' };
test(
  'GNU long names',
  reads,
  archive(
    rawFile('L', `${'n'.repeat(200)}\0`, { ...gnu, type: 'L' }),
    rawFile('K', 'target\0', { ...gnu, type: 'K' }),
    rawHeader({ ...gnu, type: '2' }),
  ),
  [`symlink ${'n'.repeat(200)} -> target ""`],
);
test(
  'a GNU long name before a PAX name',
  reads,
  archive(rawFile('L', 'long\0', { type: 'L' }), rawPax({ path: 'pax' }), rawFile('a')),
  ['file long ""'],
);
test('a GNU header without a prefix', reads, archive(rawFile('a', '', { ...gnu, prefix: '00000000000\0' })), [
  'file a ""',
]);
test('a GNU header with the prefix of old Go', reads, archive(rawFile('a', '', { ...gnu, prefix: 'dir' })), [
  'file dir/a ""',
]);
test('a negative size', refuses, archive(rawHeader({ size: '\xff'.repeat(12) })), /out of range/);
test(
  'a negative size of a PAX header',
  refuses,
  archive(rawHeader({ type: 'x', size: '\xff'.repeat(12) })),
  /out of range/,
);
test('a size that is no number', refuses, archive(rawHeader({ size: 'zzz' })), /octal/);
test(
  'a size beyond 2^53',
  refuses,
  archive(rawHeader({ size: `\x80\0\0\0\x7f${'\xff'.repeat(7)}` })),
  /out of range/,
);
test(
  'a base-256 number beyond 64 bits',
  refuses,
  archive(rawHeader({ size: `\x80\x01${'\0'.repeat(10)}` })),
  /64 bits/,
);

// Old formats.
test('a directory of v7', reads, archive(rawHeader({ name: 'olddir/', type: '\0', magic: '' })), [
  'directory olddir/ ""',
]);
test('a file of v7', reads, archive(rawFile('a', 'b', { type: '\0', magic: '' })), ['file a "b"']);
test(
  'v7 fields with blanks',
  reads,
  archive(rawFile('a', 'b', { magic: '', size: '          1 ', mode: '   644 \0' })),
  ['file a "b"'],
);
test('a ustar prefix', reads, archive(rawFile('a', '', { prefix: 'dir' })), ['file dir/a ""']);
test('the prefix of star', reads, archive(rawFile('a', '', { prefix: 'dir', patch: { 508: 'tar\0' } })), [
  'file dir/a ""',
]);
test('a name that fills its field', reads, archive(rawFile('n'.repeat(100))), [`file ${'n'.repeat(100)} ""`]);
test('a checksum of signed bytes', reads, archive(rawHeader({ name: '\xe9', checksum: signedSum('\xe9') })), [
  'file \xe9 ""',
]);
test('a wrong checksum', refuses, archive(rawHeader({ checksum: '0000000\0' })), /checksum/);
test('a checksum that is no number', refuses, archive(rawHeader({ checksum: 'checksum' })), /checksum/);
test('two names that only bytes tell apart', reads, archive(rawFile('caf\xe9'), rawFile('caf\xe8')), [
  'file caf\xe9 ""',
  'file caf\xe8 ""',
]);
test(
  'types that are unknown',
  reads,
  archive(rawFile('v', 'x', { type: 'V' }), rawFile('seven', 'y', { type: '7' })),
  ['other v "x"', 'other seven "y"'],
);

function signedSum(name: string): string {
  const block = rawHeader({ name });
  const right = Number.parseInt(block.toString('latin1', 148, 154), 8);
  return `${(right - 256).toString(8).padStart(6, '0')}\0 `;
}

// Sparse files: "ab" at 0, "cd" at 512, a hole to 1024.
const oldMap = (extended: string) => ({
  386: `${octal(0)}${octal(2)}${octal(512)}${octal(2)}`,
  482: extended,
  483: octal(1024),
});
const sparse = ['file s 1024 bytes', 'file hidden "x"'];
test(
  'sparse: old GNU',
  reads,
  archive(rawFile('s', 'abcd', { ...gnu, type: 'S', patch: oldMap('\0') }), hidden),
  sparse,
);
test(
  'sparse: old GNU, continued',
  reads,
  archive(
    rawHeader({
      name: 's',
      ...gnu,
      type: 'S',
      size: octal(4),
      patch: { 386: `${octal(0)}${octal(2)}`, 482: '\x01', 483: octal(1024) },
    }),
    padded(`${octal(512)}${octal(2)}`),
    padded('abcd'),
    hidden,
  ),
  sparse,
);
test(
  'sparse: PAX 0.0',
  reads,
  archive(
    rawFile(
      'pax',
      [
        ['GNU.sparse.size', '1024'],
        ['GNU.sparse.numblocks', '2'],
        ['GNU.sparse.offset', '0'],
        ['GNU.sparse.numbytes', '2'],
        ['GNU.sparse.offset', '512'],
        ['GNU.sparse.numbytes', '2'],
      ]
        .map(([key = '', value = '']) => paxRecord(key, value))
        .join(''),
      { type: 'x' },
    ),
    rawFile('s', 'abcd'),
    hidden,
  ),
  sparse,
);
const pax01 = {
  'GNU.sparse.name': 's',
  'GNU.sparse.size': '1024',
  'GNU.sparse.numblocks': '2',
  'GNU.sparse.map': '0,2,512,2',
};
test('sparse: PAX 0.1', reads, archive(rawPax(pax01), rawFile('GNUSparseFile.1/s', 'abcd'), hidden), sparse);
const pax10 = {
  'GNU.sparse.major': '1',
  'GNU.sparse.minor': '0',
  'GNU.sparse.name': 's',
  'GNU.sparse.realsize': '1024',
};
const mapBlock = `2\n0\n2\n512\n2\n`.padEnd(512, '\0');
test(
  'sparse: PAX 1.0',
  reads,
  archive(rawPax(pax10), rawFile('GNUSparseFile.1/s', `${mapBlock}abcd`), hidden),
  sparse,
);
test(
  'sparse: an unknown version is a plain file',
  reads,
  archive(rawPax({ ...pax10, 'GNU.sparse.major': '2' }), rawFile('n', 'abcd')),
  ['file n "abcd"'],
);
test(
  'sparse: a map that overlaps',
  refuses,
  archive(rawPax({ ...pax01, 'GNU.sparse.map': '0,2,1,2' }), rawFile('s', 'abcd')),
  /overlaps/,
);
test(
  'sparse: a map beyond the size',
  refuses,
  archive(rawPax({ ...pax01, 'GNU.sparse.map': '0,2,1023,2' }), rawFile('s', 'abcd')),
  /longer/,
);
test(
  'sparse: a map with a wrong count',
  refuses,
  archive(rawPax({ ...pax01, 'GNU.sparse.numblocks': '3' }), rawFile('s', 'abcd')),
  /number of entries/,
);
test(
  'sparse: fewer bytes than the map says',
  refuses,
  archive(rawPax(pax01), rawFile('s', 'abc')),
  /stored bytes/,
);
test(
  'sparse: more bytes than the map says',
  refuses,
  archive(rawPax(pax01), rawFile('s', 'abcde')),
  /stored bytes/,
);
test(
  'sparse: a negative offset',
  refuses,
  archive(rawPax({ ...pax01, 'GNU.sparse.map': '-1,2,512,2' }), rawFile('s', 'abcd')),
  /out of range/,
);
test('sparse: a directory', refuses, archive(rawPax(pax01), rawDirectory('s/')), /no file/);
test(
  'sparse: a map over 1 MiB',
  refuses,
  archive(rawPax(pax10), rawFile('s', `500000\n${'0\n'.repeat(1 << 20)}`)),
  /too long|out of range/,
);
test(
  'sparse: a map without end',
  refuses,
  archive(rawPax(pax10), rawFile('s', '1'.repeat(2 << 20))),
  /too long/,
);

test('sparse content is where the map says', async (t) => {
  for await (const { content, extents, entry } of readTar(
    inChunks(archive(rawPax(pax01), rawFile('s', 'abcd'))),
  )) {
    const parts: Uint8Array[] = [];
    for await (const part of content) parts.push(Buffer.from(part));
    const bytes = Buffer.concat(parts);
    t.deepEqual(
      [bytes.toString('latin1', 0, 3), bytes.toString('latin1', 511, 515), bytes.length],
      ['ab\0', '\0cd\0', 1024],
    );
    t.is(entry.size, 1024);
    t.deepEqual(extents, [
      { offset: 0, length: 2 },
      { offset: 512, length: 2 },
    ]);
  }
});

test('numbers of headers and records', async (t) => {
  const negative = (value: bigint) => {
    const bytes = Buffer.alloc(12, 0xff);
    bytes.writeBigInt64BE(value, 4);
    return bytes.toString('latin1');
  };
  const cases: readonly [title: string, bytes: Uint8Array, expected: object][] = [
    ['PAX ids', archive(rawPax({ uid: '3000000', gid: '+4' }), rawFile('a')), { uid: 3000000, gid: 4 }],
    [
      'base-256 time',
      archive(rawFile('a', '', { mtime: negative(-86400n) })),
      { mtime: -86_400_000_000_000n },
    ],
    ['PAX time', archive(rawPax({ mtime: '1.5' }), rawFile('a')), { mtime: 1_500_000_000n }],
    ['negative PAX time', archive(rawPax({ mtime: '-1.25' }), rawFile('a')), { mtime: -1_250_000_000n }],
    [
      'PAX time of 12 decimals',
      archive(rawPax({ mtime: '0.123456789123' }), rawFile('a')),
      { mtime: 123_456_789n },
    ],
    ['time beyond 64 bits', archive(rawPax({ mtime: '9223372036854775807' }), rawFile('a')), { mtime: 0n }],
    ['mode with type bits', archive(rawFile('a', '', { mode: '0104755\0' })), { mode: 0o4755 }],
    [
      'devices',
      archive(rawHeader({ type: '3', major: '0000001\0', minor: '0000377\0' })),
      { devmajor: 1, devminor: 255 },
    ],
  ];
  for (const [title, bytes, expected] of cases) {
    for await (const { entry } of readTar(inChunks(bytes))) t.like(entry, expected, title);
  }
});

for (const [what, fields, records] of [
  ['uid -1', {}, { uid: '-1' }],
  ['uid 2^32 - 1', {}, { uid: '4294967295' }],
  ['gid 2^32', {}, { gid: '4294967296' }],
  ['device number -1', { type: '3', major: '\xff'.repeat(8) }, {}],
] as const) {
  test(what, refuses, archive(rawPax(records), rawHeader(fields)), /out of range/);
}

test('xattrs are bytes', async (t) => {
  const value = '\xff\xfe\x80\x00\x01=\n';
  const bytes = archive(
    rawPax({ 'SCHILY.xattr.security.capability': value, 'SCHILY.xattr.user.empty': '' }),
    rawFile('a'),
  );
  for await (const { entry } of readTar(inChunks(bytes))) {
    t.deepEqual(
      [...entry.xattrs].map(([name, bits]) => [name, Buffer.from(bits).toString('latin1')]),
      [
        ['security.capability', value],
        ['user.empty', ''],
      ],
    );
  }
});

test('every byte is seen once, also behind the end', async (t) => {
  const bytes = Buffer.concat([archive(rawFile('a', 'content')), Buffer.from('trailing')]);
  const seen: Buffer[] = [];
  for await (const item of readTar(inChunks(bytes, 700), {
    onChunk: (chunk) => seen.push(Buffer.from(chunk)),
  }))
    t.truthy(item);
  t.deepEqual(Buffer.concat(seen), bytes);
});

test('content that nobody reads is skipped, and offsets tell where it is', async (t) => {
  const bytes = archive(rawFile('a', 'first'), rawPax({ comment: 'c' }), rawFile('b', 'second'), zeroBlocks);
  const found: string[] = [];
  for await (const { entry, dataOffset } of readTar(inChunks(bytes, 300))) {
    found.push(bytes.toString('latin1', dataOffset, dataOffset + entry.size));
  }
  t.deepEqual(found, ['first', 'second']);
});

test('a failing source fails the reading with its own error', async (t) => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield rawFile('a', 'b').subarray(0, 600);
    throw new RangeError('network');
  }
  await t.throwsAsync(
    async () => {
      for await (const item of readTar(failing())) t.truthy(item);
    },
    { instanceOf: RangeError },
  );
});
