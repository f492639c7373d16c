import fc from 'fast-check';
import { digestOf } from '../../src/oci/digest.js';
import type {
  Changeset,
  ChangesetDirectory,
  ChangesetEntry,
  Device,
  Directory,
  File,
  LinkGroup,
  Metadata,
  Node,
  Symlink,
  Tree,
} from '../../src/layers/types.js';

/** Few names, so that two random values meet; some that a careless object or path function would stumble over. */
export const names = fc.constantFrom('a', 'b', '__proto__', '\xff');

const xattrs = fc.option(
  fc.constantFrom(
    new Map([['security.capability', Uint8Array.of(1, 0, 255)]]),
    new Map([
      ['user.b', Uint8Array.of()],
      ['user.a', Uint8Array.of(7)],
    ]),
  ),
  { nil: undefined, freq: 5 },
);

export const metadata: fc.Arbitrary<Metadata> = fc
  .record({
    mode: fc.constantFrom(0o755, 0o644, 0o4755),
    uid: fc.constantFrom(0, 1000),
    gid: fc.constantFrom(0, 50),
    mtime: fc.constantFrom(0n, 1n, -5n, 1_700_000_000_123_456_789n),
    xattrs,
  })
  .map(({ xattrs: values, ...meta }) => (values === undefined ? meta : { ...meta, xattrs: values }));

type Groups = readonly LinkGroup[];

// Symbolic links lead nowhere: a hard link behind one is resolved in the whole tree, which `compose` does not have.
function leaf(groups: Groups): fc.Arbitrary<File | Symlink | Device> {
  const file = fc
    .record({
      meta: metadata,
      text: fc.constantFrom('', 'x', 'yy'),
      links: fc.option(fc.constantFrom(...groups), { nil: undefined }),
    })
    .map(({ meta, text, links }): File => {
      const plain: File = { kind: 'file', meta, size: text.length, digest: digestOf(text) };
      return links === undefined
        ? plain
        : { ...plain, meta: sharedMetadata, size: 3, digest: digestOf('abc'), links };
    });
  const symlink = fc
    .record({ meta: metadata, target: fc.constantFrom('nowhere', '/nowhere', '../\xfe') })
    .map(({ meta, target }): Symlink => ({ kind: 'symlink', meta, target }));
  const device = metadata.map((meta): Device => ({ kind: 'device', type: 'char', meta, major: 1, minor: 3 }));
  return fc.oneof(
    { weight: 6, arbitrary: file },
    { weight: 2, arbitrary: symlink },
    { weight: 1, arbitrary: device },
  );
}

// The names of one file have one inode: its metadata and content are shared.
const sharedMetadata: Metadata = { mode: 0o644, uid: 0, gid: 0, mtime: 9n };

/** A tree of a few levels with hard-link groups of its own. */
export const trees: fc.Arbitrary<Tree> = fc.constant(null).chain(() => {
  const groups = [{}, {}];
  const { directory } = fc.letrec<{ node: Node; directory: Directory }>((tie) => ({
    node: fc.oneof({ maxDepth: 3, depthSize: 'max' }, leaf(groups), tie('directory')),
    directory: fc
      .record({ meta: metadata, entries: fc.array(fc.tuple(names, tie('node')), { maxLength: 4 }) })
      .map(({ meta, entries }): Directory => ({ kind: 'directory', meta, entries: new Map(entries) })),
  }));
  return directory;
});

// Mostly names of the root, so that several links meet at one file.
const paths = fc.oneof(
  { weight: 3, arbitrary: names },
  { weight: 1, arbitrary: fc.tuple(names, names).map((parts) => parts.join('/')) },
);

/** A changeset with whiteouts, opaque directories, implicit parents and, when asked, hard links to anywhere. */
export function changesets({ hardLinks = true } = {}): fc.Arbitrary<Changeset> {
  return fc.constant(null).chain(() => {
    const groups = [{}, {}];
    const link = paths.map((target): ChangesetEntry => ({ kind: 'hardlink', target }));
    const { directory } = fc.letrec<{ entry: ChangesetEntry; directory: ChangesetDirectory }>((tie) => ({
      entry: fc.oneof(
        { maxDepth: 3, depthSize: 'max' },
        fc.oneof(
          { weight: 4, arbitrary: leaf(groups) },
          { weight: 2, arbitrary: fc.constant<ChangesetEntry>({ kind: 'whiteout' }) },
          { weight: hardLinks ? 3 : 0, arbitrary: link },
        ),
        tie('directory'),
      ),
      directory: fc
        .record({
          meta: fc.option(metadata, { nil: undefined }),
          opaque: fc.boolean(),
          entries: fc.array(fc.tuple(names, tie('entry')), { maxLength: 4 }),
        })
        .map(({ meta, opaque, entries }): ChangesetDirectory => ({
          kind: 'directory',
          meta,
          opaque,
          entries: new Map(entries),
        })),
    }));
    return directory;
  });
}
