import fc from 'fast-check';
import type {
  Body,
  Changeset,
  ChangesetDirectory,
  ChangesetEntry,
  Device,
  File,
  LinkGroup,
  Metadata,
} from '../../src/layers/types.js';
import { digestOf, type Digest } from '../../src/oci/digest.js';

/** Contents of the files of `storableChangesets`; one is longer than any buffer of the code under test. */
const contents: readonly Buffer[] = [
  Buffer.alloc(0),
  Buffer.from('x'),
  Buffer.alloc(512, 'b'),
  Buffer.alloc(70_001, 'long'),
  Buffer.alloc(600_000, 'longer'),
];
const byDigest = new Map<Digest, Buffer>(contents.map((bytes) => [digestOf(bytes), bytes]));

/** Bodies of the files of `storableChangesets`. */
export function memoryBody({ digest }: File): Body {
  const bytes = byDigest.get(digest);
  if (bytes === undefined) throw new Error(`no content ${digest}`);
  return { kind: 'memory', bytes };
}

const byte = fc.integer({ min: 1, max: 255 }).filter((value) => value !== 0x2f);
const rawName = fc.array(byte, { minLength: 1, maxLength: 12 }).map((bytes) => String.fromCharCode(...bytes));

/** Names of any bytes, also long ones, and such that a careless object would stumble over. */
const name = fc
  .oneof(
    { weight: 4, arbitrary: rawName },
    {
      weight: 2,
      arbitrary: fc.constantFrom('a', 'b', '__proto__', 'constructor', '...', '-rf', 'a\nb', 'caf\xe9'),
    },
    { weight: 1, arbitrary: fc.integer({ min: 90, max: 255 }).map((length) => 'n'.repeat(length)) },
  )
  .filter((text) => text !== '.' && text !== '..' && !text.startsWith('.wh.'));

// Revision 2 with bytes that are no text: the kernel checks the form (linux/capability.h, struct vfs_cap_data).
const capability = Uint8Array.of(1, 0, 0, 2, 0xff, 10, 61, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

const ids = fc.constantFrom(0, 1000, 2_097_151, 2_097_152, 0xffff_fffe);
const xattrs = fc.option(
  fc.constantFrom(
    new Map([['security.capability', capability]]),
    new Map([
      ['user.a', Uint8Array.of()],
      ['user.b\xff', Uint8Array.of(7)],
    ]),
  ),
  { nil: undefined, freq: 5 },
);

/** Modes, owners and times at the limits of ustar and beyond. */
const metadata: fc.Arbitrary<Metadata> = fc
  .record({
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: ids,
    gid: ids,
    mtime: fc.oneof(
      fc.constantFrom(
        0n,
        1n,
        -1n,
        -86_400_000_000_000n,
        8_589_934_591_000_000_000n,
        2n ** 63n - 1n,
        -(2n ** 63n),
      ),
      fc.bigInt({ min: 0n, max: 2n ** 61n }),
    ),
    xattrs,
  })
  .map(({ xattrs: values, ...meta }) => (values === undefined ? meta : { ...meta, xattrs: values }));

const file = fc
  .record({ meta: metadata, bytes: fc.constantFrom(...contents) })
  .map(({ meta, bytes }): File => ({ kind: 'file', meta, size: bytes.length, digest: digestOf(bytes) }));

const target = fc.oneof(rawName, fc.constantFrom('/abs', '../..', 't'.repeat(101), '\xe9'));
const symlink = fc.record({ meta: metadata, target }).map(({ meta, target: to }): ChangesetEntry => ({
  kind: 'symlink',
  meta: { ...meta, mode: 0o777 },
  target: to,
}));

const device = fc
  .record({ type: fc.constantFrom('char' as const, 'block' as const, 'fifo' as const), meta: metadata })
  .map(({ type, meta }): Device => ({
    kind: 'device',
    type,
    meta,
    ...(type === 'fifo' ? { major: 0, minor: 0 } : { major: 4095, minor: 1_048_575 }),
  }));

/** Every kind of changeset that a layer's tar can hold: what is written must come back equal. */
export const storableChangesets: fc.Arbitrary<Changeset> = fc
  .array(file, { minLength: 2, maxLength: 2 })
  .chain((shared) => {
    const grouped = shared.map((one): File => ({ ...one, links: {} satisfies LinkGroup }));
    const leaf = fc.oneof(
      { weight: 5, arbitrary: file },
      { weight: 3, arbitrary: fc.constantFrom(...grouped) },
      { weight: 2, arbitrary: symlink },
      { weight: 1, arbitrary: device },
      { weight: 2, arbitrary: fc.constant<ChangesetEntry>({ kind: 'whiteout' }) },
      {
        weight: 1,
        arbitrary: fc.constant<ChangesetEntry>({ kind: 'hardlink', target: 'in-a-lower-layer/file' }),
      },
    );
    const { directory } = fc.letrec<{ entry: ChangesetEntry; directory: ChangesetDirectory }>((tie) => ({
      entry: fc.oneof({ maxDepth: 3, depthSize: 'small' }, leaf, tie('directory')),
      directory: fc
        .record({
          meta: metadata,
          implicit: fc.boolean(),
          opaque: fc.boolean(),
          entries: fc.array(fc.tuple(name, tie('entry')), { maxLength: 4 }),
        })
        // A directory without metadata exists in a tar only through what is in it.
        .map(({ meta, implicit, opaque, entries }): ChangesetDirectory => ({
          kind: 'directory',
          meta: implicit && entries.length > 0 ? undefined : meta,
          opaque,
          entries: new Map(entries),
        })),
    }));
    return directory.map((root) => ({ ...root, meta: undefined }));
  });
