import type { ChangesetEntry, LinkGroup, Node } from '../layers/types.js';
import { hexOf, type Digest } from '../oci/digest.js';
import type { Store } from '../store/store.js';
import { TsbuildError } from '../util/errors.js';

/** Bucket of the listings by the content digest of what they list. */
export const listingsBucket = 'cache-files';

/** A selection with more entries than this is not listed: its changes are told without names. */
const most = 100_000;

/** What is known of a file by its path below the selected one (a byte string; '' is the selected file itself). */
export interface ListedFile {
  readonly kind: string;
  readonly mode: number;
  /** Content digest, link target or device numbers. */
  readonly what: string;
  /** Number of its hard-link group; 0 without one. */
  readonly links: number;
}

export type FileListing = ReadonlyMap<string, ListedFile>;

/** One way in which a file differs from an earlier one; `path` is a byte string. */
export interface FileChange {
  readonly path: string;
  readonly change:
    'added' | 'removed' | 'type' | 'content' | 'mode' | 'link target' | 'device' | 'hard links';
}

/** Remembers what was selected from contexts, so that a later miss can name the files that differ. */
export class FileListings {
  constructor(private readonly store: Store) {}

  async save(digest: Digest, selected: Node | ChangesetEntry): Promise<void> {
    const lines: string[] = [];
    for (const [path, file] of entriesOf(selected)) {
      if (lines.length === most) return;
      lines.push(JSON.stringify([path, file.kind, file.mode, file.what, file.links]));
    }
    await this.store.records(listingsBucket).putLines(hexOf(digest), lines);
  }

  /** Undefined when none was kept, or it is damaged. */
  async read(digest: Digest): Promise<FileListing | undefined> {
    const listing = new Map<string, ListedFile>();
    try {
      const batches = this.store.records(listingsBucket).getLines(hexOf(digest));
      if (batches === undefined) return undefined;
      for await (const lines of batches) for (const line of lines) listing.set(...readFile(line));
    } catch (error) {
      if (error instanceof TsbuildError || error instanceof SyntaxError) return undefined;
      throw error;
    }
    return listing;
  }
}

function readFile(line: string): [path: string, file: ListedFile] {
  const [path, kind, mode, what, links] = JSON.parse(line) as [string, string, number, string, number];
  return [path, { kind, mode, what, links }];
}

/** The listing of what is selected now. */
export function listFiles(selected: Node | ChangesetEntry): FileListing {
  return new Map(entriesOf(selected));
}

/** How files differ, in the order of their paths. A directory that is new or gone is told once, without its files. */
export function compareListings(before: FileListing, now: FileListing): readonly FileChange[] {
  const changes: FileChange[] = [];
  const told = new Set<string>();
  for (const path of [...new Set([...before.keys(), ...now.keys()])].sort()) {
    const was = before.get(path);
    const is = now.get(path);
    const change = changeOf(was, is);
    if (change === undefined) continue;
    if (change === 'added' || change === 'removed') {
      told.add(path);
      if (told.has(path.slice(0, Math.max(path.lastIndexOf('/'), 0)))) continue;
    }
    changes.push({ path, change });
  }
  return changes;
}

function changeOf(was: ListedFile | undefined, is: ListedFile | undefined): FileChange['change'] | undefined {
  if (was === undefined) return 'added';
  if (is === undefined) return 'removed';
  if (was.kind !== is.kind) return 'type';
  if (was.what !== is.what)
    return is.kind === 'file' ? 'content' : is.kind === 'symlink' ? 'link target' : 'device';
  if (was.mode !== is.mode) return 'mode';
  return was.links === is.links ? undefined : 'hard links';
}

function* entriesOf(selected: Node | ChangesetEntry): Generator<[string, ListedFile]> {
  const groups = new Map<LinkGroup, number>();
  const pending: [string, Node | ChangesetEntry][] = [['', selected]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [path, entry] = next;
    yield [path, listed(entry, groups)];
    if (entry.kind !== 'directory') continue;
    const names = [...entry.entries.keys()].sort().reverse();
    for (const name of names) {
      const below = entry.entries.get(name);
      if (below !== undefined) pending.push([path === '' ? name : `${path}/${name}`, below]);
    }
  }
}

function listed(entry: Node | ChangesetEntry, groups: Map<LinkGroup, number>): ListedFile {
  const mode = 'meta' in entry ? (entry.meta?.mode ?? 0) : 0;
  return { kind: entry.kind, mode, what: whatOf(entry), links: groupOf(entry, groups) };
}

function whatOf(entry: Node | ChangesetEntry): string {
  switch (entry.kind) {
    case 'file':
      return entry.digest;
    case 'symlink':
    case 'hardlink':
      return entry.target;
    case 'device':
      return `${entry.type} ${entry.major}:${entry.minor}`;
    case 'directory':
    case 'whiteout':
      return '';
  }
}

function groupOf(entry: Node | ChangesetEntry, groups: Map<LinkGroup, number>): number {
  if (entry.kind !== 'file' || entry.links === undefined) return 0;
  const known = groups.get(entry.links) ?? groups.size + 1;
  groups.set(entry.links, known);
  return known;
}
