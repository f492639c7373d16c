import { ChangesetReader } from './changeset-reader.js';
import { byName } from './path.js';
import type { Changeset, ChangesetEntry, LinkGroup, Metadata } from './types.js';

/** Name and version of the form, the first record of every changeset. */
export const changesetFormat = ['tsbuild-changeset', 1] as const;

/**
 * A changeset as records, one for each entry in the order of a tar, after a head and before an end that counts
 * them. A record is `[kind, depth, name, …]`; the depth says whose entry it is. Times are decimal strings (ns),
 * xattr values base64, names byte strings, hard-link groups numbers. File bodies are not included.
 */
export function* changesetToJson(changeset: Changeset): Generator<readonly unknown[]> {
  yield changesetFormat;
  const groups = new Map<LinkGroup, number>();
  const pending: Place[] = [{ depth: 0, name: '', entry: changeset }];
  let count = 0;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    count++;
    yield recordOf(next, groups);
    if (next.entry.kind !== 'directory') continue;
    const depth = next.depth + 1;
    const below = [...next.entry.entries].sort(byName).reverse();
    for (const [name, entry] of below) pending.push({ depth, name, entry });
  }
  yield ['end', count];
}

/** The records as lines of JSON, so that a changeset of any size can be written without one long string. */
export function* serialiseChangeset(changeset: Changeset): Generator<string> {
  for (const record of changesetToJson(changeset)) yield JSON.stringify(record);
}

/** Reads what `changesetToJson` gives. Throws `store` for anything else, damaged or cut off. */
export function changesetFromJson(records: Iterable<unknown>): Changeset {
  const reader = new ChangesetReader();
  for (const record of records) reader.add(record);
  return reader.end();
}

/** Reads what `serialiseChangeset` gives. Throws `store` for anything else, damaged or cut off. */
export function parseChangeset(lines: Iterable<string>): Changeset {
  const reader = new ChangesetReader();
  for (const line of lines) reader.addLine(line);
  return reader.end();
}

/** An entry and where it is; paths would be long where directories are deep. */
interface Place {
  readonly depth: number;
  readonly name: string;
  readonly entry: ChangesetEntry;
}

function recordOf({ depth, name, entry }: Place, groups: Map<LinkGroup, number>): readonly unknown[] {
  const place = [depth, name];
  switch (entry.kind) {
    case 'directory':
      return [
        'directory',
        ...place,
        entry.meta === undefined ? 0 : metadata(entry.meta),
        entry.opaque ? 1 : 0,
      ];
    case 'file': {
      const file = ['file', ...place, metadata(entry.meta), entry.size, entry.digest];
      return entry.links === undefined ? file : [...file, numberOf(entry.links, groups)];
    }
    case 'symlink':
      return ['symlink', ...place, metadata(entry.meta), entry.target];
    case 'device':
      return [entry.type, ...place, metadata(entry.meta), entry.major, entry.minor];
    case 'hardlink':
      return ['hardlink', ...place, entry.target, entry.below === true ? 1 : 0];
    case 'whiteout':
      return ['whiteout', ...place];
  }
}

function numberOf(group: LinkGroup, groups: Map<LinkGroup, number>): number {
  const number = groups.get(group) ?? groups.size;
  groups.set(group, number);
  return number;
}

function metadata({ mode, uid, gid, mtime, xattrs }: Metadata): readonly unknown[] {
  const values = [...(xattrs ?? [])]
    .sort(byName)
    .map(([name, value]) => [name, Buffer.from(value).toString('base64')]);
  const base = [mode, uid, gid, String(mtime)];
  return values.length === 0 ? base : [...base, values];
}
