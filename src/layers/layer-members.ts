import { TsbuildError } from '../util/errors.js';
import { shown } from './archive-path.js';
import { walkChangeset } from './changeset.js';
import { baseName } from './path.js';
import type { WritableEntry } from './tar/write.js';
import type {
  Changeset,
  ChangesetDirectory,
  ChangesetEntry,
  Device,
  File,
  LinkGroup,
  Metadata,
  Symlink,
} from './types.js';

/** One member of a layer's tar; `file` is there when content follows. */
export interface Member {
  readonly entry: WritableEntry;
  readonly file?: File;
}

const whiteoutMeta: Metadata = { mode: 0, uid: 0, gid: 0, mtime: 0n };
const noXattrs: ReadonlyMap<string, Uint8Array> = new Map();

/**
 * The members of a layer's tar in their one order: names in byte order, parents before children, whiteouts as
 * image-spec layer.md writes them, no member for the root, none for directories without metadata. The first name of a
 * hard-link group carries the content, the others are links to it. Links whose target stands further behind come last.
 * Throws `copy` for a name that a layer cannot hold.
 */
export function* layerMembers(changeset: Changeset): Generator<Member, void> {
  const groups = new Map<LinkGroup, string>();
  const late: Member[] = [];
  if (changeset.opaque) yield opaqueMarker('');
  for (const [path, entry] of walkChangeset(changeset)) {
    refuseMarker(path);
    if (entry.kind === 'directory') yield* directoryMembers(path, entry);
    else if (entry.kind === 'file') yield fileMember(path, entry, groups);
    else if (entry.kind !== 'hardlink') yield { entry: leafEntry(path, entry) };
    else if (isBefore(entry.target, path)) yield linkMember(path, entry.target, whiteoutMeta);
    else late.push(linkMember(path, entry.target, whiteoutMeta));
  }
  yield* late;
}

/** Whether `a` comes before `b` in the order of members: component by component. */
function isBefore(a: string, b: string): boolean {
  return a.replaceAll('/', '\0') < b.replaceAll('/', '\0');
}

function refuseMarker(path: string): void {
  if (!baseName(path).startsWith('.wh.')) return;
  throw new TsbuildError('copy', `${shown(path)} cannot be stored: in a layer the name means a deletion`, {
    hint: 'rename the file or exclude it with .dockerignore',
  });
}

function* directoryMembers(path: string, directory: ChangesetDirectory): Generator<Member, void> {
  if (directory.meta !== undefined) yield { entry: baseEntry(`${path}/`, 'directory', directory.meta) };
  if (directory.opaque) yield opaqueMarker(`${path}/`);
}

function opaqueMarker(prefix: string): Member {
  return { entry: baseEntry(`${prefix}.wh..wh..opq`, 'file', whiteoutMeta) };
}

function fileMember(path: string, file: File, groups: Map<LinkGroup, string>): Member {
  const first = file.links && groups.get(file.links);
  if (first !== undefined) return linkMember(path, first, file.meta);
  if (file.links !== undefined) groups.set(file.links, path);
  return { entry: { ...baseEntry(path, 'file', file.meta), size: file.size }, file };
}

/** Readers take the metadata from the target, but containerd also applies the link's own: they must be equal. */
function linkMember(path: string, target: string, meta: Metadata): Member {
  return { entry: { ...baseEntry(path, 'hardlink', meta), linkname: target } };
}

function leafEntry(
  path: string,
  entry: Exclude<ChangesetEntry, { kind: 'directory' | 'file' | 'hardlink' }>,
): WritableEntry {
  if (entry.kind === 'whiteout') return baseEntry(whiteoutPath(path), 'file', whiteoutMeta);
  return entry.kind === 'symlink' ? symlinkEntry(path, entry) : deviceEntry(path, entry);
}

function whiteoutPath(path: string): string {
  const slash = path.lastIndexOf('/') + 1;
  return `${path.slice(0, slash)}.wh.${path.slice(slash)}`;
}

function symlinkEntry(path: string, { meta, target }: Symlink): WritableEntry {
  return { ...baseEntry(path, 'symlink', meta), linkname: target };
}

function deviceEntry(path: string, { type, meta, major, minor }: Device): WritableEntry {
  return { ...baseEntry(path, type, meta), devmajor: major, devminor: minor };
}

function baseEntry(name: string, type: WritableEntry['type'], meta: Metadata): WritableEntry {
  const { mode, uid, gid, mtime, xattrs = noXattrs } = meta;
  for (const key of xattrs.keys()) {
    if (key.includes('='))
      throw new TsbuildError(
        'unsupported',
        `tar cannot hold the extended attribute ${JSON.stringify(key)} of ${shown(name)}`,
      );
  }
  return { name, linkname: '', type, mode, uid, gid, size: 0, mtime, devmajor: 0, devminor: 0, xattrs };
}
