import { randomBytes } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { detectCompression, looksLikeTar, type CompressionKind } from '../../src/layers/compression.js';
import { decompress } from '../../src/layers/decompress.js';
import { gzipParallel } from '../../src/layers/gzip-parallel.js';
import { digestOf } from '../../src/oci/digest.js';
import { missingOf } from '../helpers/programs.js';
import { archive, inChunks, rawFile, rawHeader, rawPax } from '../helpers/raw-tar.js';
import { spawnSync } from 'node:child_process';

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Runs a filter program on bytes. */
function filter(argv: readonly [string, ...string[]], input: Uint8Array): Buffer {
  const [program, ...args] = argv;
  const { status, stdout, stderr } = spawnSync(program, args, { input, maxBuffer: 1 << 30 });
  if (status !== 0) throw new Error(`${program}: ${stderr.toString()}`);
  return stdout;
}

const programs: Readonly<Record<Exclude<CompressionKind, 'none'>, readonly [string, ...string[]]>> = {
  gzip: ['gzip', '-c'],
  bzip2: ['bzip2', '-c'],
  xz: ['xz', '-c'],
  zstd: ['zstd', '-qc'],
};
const kinds = ['gzip', 'bzip2', 'xz', 'zstd'] as const;

/** Something that compresses as files do. */
const sample = Buffer.from(
  Array.from({ length: 40_000 }, (_, at) => `${at * 7919} line ${at % 97}\n`).join(''),
);

for (const kind of kinds) {
  const it = missingOf([programs[kind][0]]).length === 0 ? test : test.skip;
  const compress = (bytes: Uint8Array): Buffer => filter(programs[kind], bytes);

  it(`${kind}: what its program packed is unpacked, in any chunks`, async (t) => {
    const packed = compress(sample);
    t.is(detectCompression(packed), kind);
    for (const size of [packed.length, 65_536, 1021]) {
      t.is<string, string>(
        digestOf(await collect(decompress(inChunks(packed, size), kind))),
        digestOf(sample),
      );
    }
    const tiny = compress(Buffer.from('tiny'));
    t.is((await collect(decompress(inChunks(tiny, 1), kind))).toString(), 'tiny');
    t.is((await collect(decompress(inChunks(compress(Buffer.alloc(0)), 3), kind))).length, 0);
  });

  it(`${kind}: several contents in a row are one`, async (t) => {
    const both = Buffer.concat([compress(sample), compress(Buffer.from('more'))]);
    t.is<string, string>(
      digestOf(await collect(decompress(inChunks(both, 10_000), kind))),
      digestOf(Buffer.concat([sample, Buffer.from('more')])),
    );
  });

  it(`${kind}: cut off anywhere it is an error`, async (t) => {
    const packed = compress(sample.subarray(0, 30_000));
    for (let part = 0; part < 100; part++) {
      const cut = packed.subarray(0, Math.floor((packed.length * part) / 100));
      await t.throwsAsync(
        collect(decompress(inChunks(cut, 4096), kind)),
        { code: 'archive', message: /unexpected end/ },
        `${part} %`,
      );
    }
  });

  it(`${kind}: damaged anywhere it is an error`, async (t) => {
    const packed = compress(sample.subarray(0, 30_000));
    for (let part = 0; part < 100; part++) {
      const damaged = Buffer.from(packed);
      const at = Math.floor((packed.length * part) / 100);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0x55, at);
      await t.throwsAsync(
        collect(decompress(inChunks(damaged, 4096), kind)),
        { code: 'archive' },
        `${part} %`,
      );
    }
  });

  it(`${kind}: garbage behind the end is an error, wherever chunks end`, async (t) => {
    const packed = compress(sample);
    for (const tail of [
      Buffer.from('garbage that is no stream'),
      Buffer.concat([Buffer.alloc(9000), Buffer.from('x')]),
    ]) {
      const bytes = Buffer.concat([packed, tail]);
      for (const size of [bytes.length, packed.length, 4096]) {
        await t.throwsAsync(collect(decompress(inChunks(bytes, size), kind)), { code: 'archive' });
      }
    }
  });

  it(`${kind}: an error of the source is thrown as it is`, async (t) => {
    const packed = compress(sample);
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield packed.subarray(0, packed.length >> 1);
      throw new RangeError('network');
    }
    await t.throwsAsync(collect(decompress(failing(), kind)), { instanceOf: RangeError, message: 'network' });
  });

  it(`${kind}: a reader that stops early stops the source`, async (t) => {
    const packed = compress(sample);
    let stopped = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield packed;
      } finally {
        stopped = true;
      }
    }
    for await (const chunk of decompress(endless(), kind)) {
      t.true(chunk.length > 0);
      break;
    }
    t.true(stopped);
    t.is<string, string>(digestOf(await collect(decompress(inChunks(packed), kind))), digestOf(sample));
  });

  // The ratio of gzip cannot reach the limit: 1032 to 1 is all that deflate can do.
  if (kind === 'gzip') continue;
  it(`${kind}: a bomb is an error long before it is unpacked`, async (t) => {
    const member = compress(Buffer.alloc(32 << 20));
    const bomb = Buffer.concat(Array.from({ length: 20 }, () => member));
    let size = 0;
    await t.throwsAsync(
      async () => {
        for await (const chunk of decompress(inChunks(bomb, 65_536), kind)) size += chunk.length;
      },
      { code: 'archive', message: /times their size/ },
    );
    t.true(size < 700 << 20, `${size} bytes came out`);
  });
}

test('zstd: a window above 128 MiB is an error', async (t) => {
  const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, (31 - 10) << 3, 0x01, 0x00, 0x00]);
  await t.throwsAsync(collect(decompress(inChunks(frame), 'zstd')), { code: 'archive', message: /window/ });
  const single = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0x01, 0x00, 0x00]);
  await t.throwsAsync(collect(decompress(inChunks(single), 'zstd')), { code: 'archive', message: /window/ });
});

test('zstd: skippable frames are skipped', async (t) => {
  const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  t.is(detectCompression(skippable), 'zstd');
  t.is((await collect(decompress(inChunks(skippable, 1), 'zstd'))).length, 0);
  await t.throwsAsync(collect(decompress(inChunks(skippable.subarray(0, 10)), 'zstd')), { code: 'archive' });
});

test('nothing is not a compressed stream', async (t) => {
  for (const kind of kinds) {
    await t.throwsAsync(collect(decompress(inChunks(Buffer.alloc(0)), kind)), { code: 'archive' }, kind);
  }
});

test('what is not compressed passes through', async (t) => {
  t.is((await collect(decompress(inChunks(sample, 1000), 'none'))).compare(sample), 0);
});

test('compression is recognised by content', (t) => {
  t.is(detectCompression(Buffer.from('BZh0')), 'none');
  t.is(detectCompression(Buffer.from('BZip is a name')), 'none');
  t.is(detectCompression(Buffer.from('PK\x03\x04')), 'none');
  t.is(detectCompression(Buffer.alloc(0)), 'none');
  t.is(detectCompression(Buffer.from([0x1f, 0x8b])), 'none');
});

test('a tar is recognised by its first header', (t) => {
  t.true(looksLikeTar(archive(rawFile('a'))));
  t.true(looksLikeTar(archive(rawPax({ path: 'x' }), rawFile('a'))));
  t.true(looksLikeTar(rawHeader({ magic: '' })));
  t.false(looksLikeTar(Buffer.alloc(1024)), 'an empty archive');
  t.false(looksLikeTar(rawFile('a').subarray(0, 500)), 'less than a block');
  t.false(looksLikeTar(sample));
});

test('gzipParallel: any content comes back, and its bytes depend on nothing else', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(0, 1, 524_287, 524_288, 524_289, 1_048_576, 1_500_000),
      fc.integer({ min: 5000, max: 700_000 }),
      fc.constantFrom(1, 2, 3, 8),
      async (size, chunk, concurrency) => {
        const bytes = Buffer.alloc(size, sample);
        const packed = await collect(gzipParallel(inChunks(bytes, chunk), { concurrency }));
        t.is(packed.compare(await collect(gzipParallel(inChunks(bytes, size || 1)))), 0);
        t.is(gunzipSync(packed).compare(bytes), 0);
      },
    ),
    { numRuns: 25 },
  );
});

test('gzipParallel: the header names no file, no time and no system', async (t) => {
  const packed = await collect(gzipParallel(inChunks(sample)));
  t.is(packed.toString('hex', 0, 10), '1f8b08000000000000ff');
});

test('gzipParallel: compresses as well as one stream does', async (t) => {
  const bytes = Buffer.alloc(4 << 20, sample);
  const packed = await collect(gzipParallel(inChunks(bytes, 100_000), { level: 6 }));
  t.true(packed.length < gzipSync(bytes, { level: 6 }).length * 1.02);
});

test('gzipParallel: what cannot be made smaller is stored, what stands between is compressed', async (t) => {
  const random = randomBytes(2_000_000);
  const text = Buffer.alloc(1_500_000, 'the same words over and over, ');
  const bytes = Buffer.concat([random, text, random.subarray(7), text]);
  const packed = await collect(gzipParallel(inChunks(bytes, 100_003)));
  t.is(gunzipSync(packed).compare(bytes), 0);
  // A stored block costs 5 bytes for each 64 KiB; half MiB at each border may be of both.
  t.true(packed.length < random.length * 2 + 100_000, `${packed.length}`);
  t.true((await collect(gzipParallel(inChunks(random, 100_003)))).length < random.length * 1.0005);
});

test('gzipParallel: records with one random byte each are compressed', async (t) => {
  for (const size of [2, 4, 16, 32, 33]) {
    const records = Buffer.alloc(1 << 20);
    randomBytes(Math.ceil(records.length / size)).forEach((byte, i) => (records[i * size] = byte));
    const packed = await collect(gzipParallel(inChunks(records, 100_000)));
    t.true(packed.length < records.length * 0.75, `${size}: ${packed.length}`);
  }
});

const withGzip = missingOf(['gzip']).length === 0 ? test : test.skip;
withGzip('gzipParallel: gzip -t accepts it, at every level', async (t) => {
  const bytes = Buffer.concat([Buffer.alloc(2 << 20, sample), randomBytes(1 << 19)]);
  for (const level of [1, 6, 9]) {
    const packed = await collect(gzipParallel(inChunks(bytes, 77_777), { level }));
    t.notThrows(() => filter(['gzip', '-t'], packed));
    t.is(filter(['gzip', '-dc'], packed).compare(bytes), 0);
  }
});

test('gzipParallel: an error of the source is thrown, also with blocks in work', async (t) => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(3 << 20);
    throw new RangeError('disk');
  }
  await t.throwsAsync(collect(gzipParallel(failing())), { instanceOf: RangeError });
});

test('gzipParallel: reads no more than its blocks ahead of a slow reader', async (t) => {
  let given = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for (; given < 64 << 20; given += 65_536) yield Buffer.alloc(65_536);
  }
  const packed = gzipParallel(counted(), { concurrency: 2 });
  await packed.next();
  await packed.next();
  t.true(given <= 4 << 19, `${given} bytes were read`);
  await packed.return();
});
