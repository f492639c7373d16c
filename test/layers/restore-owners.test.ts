import test from 'ava';
import { restoreOwners } from '../../src/layers/restore-owners.js';
import type { ChangesetDirectory, Directory, File, Metadata } from '../../src/layers/types.js';
import { digestOf } from '../../src/oci/digest.js';

const digest = digestOf('x');
const meta = (uid = 0, gid = 0, mode = 0o755): Metadata => ({ mode, uid, gid, mtime: 0n });
const file = (uid = 0, gid = 0, links?: object): File => ({
  kind: 'file',
  meta: meta(uid, gid),
  size: 1,
  digest,
  links,
});
const tree = (entries: Directory['entries'], own = meta()): Directory => ({
  kind: 'directory',
  meta: own,
  entries,
});
type Entries = Readonly<Record<string, ChangesetDirectory | File>>;
const change = (entries: Entries, own: Metadata | undefined = meta()): ChangesetDirectory => ({
  kind: 'directory',
  meta: own,
  opaque: false,
  entries: new Map(Object.entries(entries)),
});
const one = { hasUser: (id: number) => id === 0, hasGroup: (id: number) => id === 0 };

function ownersOf(changeset: ChangesetDirectory, path: string): string {
  let at: unknown = changeset;
  for (const name of path.split('/')) at = (at as ChangesetDirectory).entries.get(name);
  const { uid, gid } = (at as File).meta;
  return `${uid}:${gid}`;
}

const base = tree(
  new Map<string, Directory | File>([
    ['app', tree(new Map([['old', file(1000, 1000)]]), meta(1000, 1000))],
    ['shared', tree(new Map(), meta(0, 50, 0o2775))],
    ['root', file()],
    ['swapped', file(7, 7)],
  ]),
);

for (const [rule, maker, path, expected] of [
  ['what the base has keeps its owner', 0, 'app/old', '1000:1000'],
  ['so does a directory of the base', 0, 'app', '1000:1000'],
  ['what is new belongs to root when root made it', 0, 'app/new', '0:0'],
  ['what is new belongs to the user that made it', 33, 'app/new', '33:33'],
  ['a setgid directory gives its group', 33, 'shared/new', '33:50'],
  ['a file of root stays its own, whoever wrote to it', 33, 'root', '0:0'],
  ['something of another kind is new', 33, 'swapped', '33:33'],
] as const) {
  test(rule, (t) => {
    const changeset = change({
      app: change({ old: file(), new: file() }),
      shared: change({ new: file() }, meta(0, 0, 0o2775)),
      root: file(),
      swapped: change({}),
    });
    const restored = restoreOwners(base, changeset, { ...one, maker: { uid: maker, gid: maker } });
    t.is(ownersOf(restored, path), expected);
  });
}

test('owners that exist are taken as they are', (t) => {
  const known = { hasUser: (id: number) => id < 65536, hasGroup: (id: number) => id < 65536 };
  const changeset = change({ app: change({ old: file(5, 6) }) });
  t.is(ownersOf(restoreOwners(base, changeset, { ...known, maker: { uid: 0, gid: 0 } }), 'app/old'), '5:6');
});

test('names of one file have one owner', (t) => {
  const links = {};
  const changeset = change({ app: change({ old: file(0, 0, links), two: file(0, 0, links) }) });
  const restored = restoreOwners(base, changeset, { ...one, maker: { uid: 0, gid: 0 } });
  t.is(ownersOf(restored, 'app/two'), '1000:1000');
});
