import { digestOf } from '../../src/oci/digest.js';
import { sameMetadata } from '../../src/layers/metadata.js';
import { walkChangeset } from '../../src/layers/changeset.js';
import type {
  Changeset,
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
import { TreeEditor } from '../../src/layers/editor.js';
import { emptyTree, lookup } from '../../src/layers/tree.js';

const texts = new Map<string, string>();

type Meta = Partial<Metadata>;

function metadata(mode: number, meta: Meta): Metadata {
  return { mode, uid: 0, gid: 0, mtime: 1n, ...meta };
}

/** A file 0644 0:0 with mtime 1 unless said otherwise. */
export function file(text: string, meta: Meta = {}, links?: LinkGroup): File {
  const digest = digestOf(text);
  texts.set(digest, text);
  const plain: File = { kind: 'file', meta: metadata(0o644, meta), size: text.length, digest };
  return links === undefined ? plain : { ...plain, links };
}

/** An empty directory 0755 0:0 with mtime 1 unless said otherwise. */
export function dir(meta: Meta = {}): Directory {
  return { kind: 'directory', meta: metadata(0o755, meta), entries: new Map() };
}

export function symlink(target: string, meta: Meta = {}): Symlink {
  return { kind: 'symlink', meta: metadata(0o777, meta), target };
}

export function fifo(meta: Meta = {}): Device {
  return { kind: 'device', type: 'fifo', meta: metadata(0o644, meta), major: 0, minor: 0 };
}

/** A tree of nodes by path; parents that are not named are made as `dir()`. */
export function makeTree(nodes: Readonly<Record<string, Node>> = {}): Tree {
  const editor = new TreeEditor(emptyTree(metadata(0o755, {})));
  for (const [path, node] of Object.entries(nodes)) {
    const names = path.split('/');
    for (let depth = 1; depth < names.length; depth++) {
      const parent = names.slice(0, depth).join('/');
      if (lookup(editor.root, parent) === undefined) editor.set(parent, dir());
    }
    editor.set(path, node);
  }
  return editor.root;
}

/**
 * A changeset in short lines: `path/ 755 0:0 @1` for a directory (`path/` alone when it has no metadata),
 * `path 644 0:0 @1 text` for a file, `path -> target`
 * (with its metadata when that is not the default), `path => target` for a hard link, `-path` for a whiteout.
 */
export function outline(changeset: Changeset): string[] {
  return Array.from(walkChangeset(changeset), ([path, entry]) => outlineEntry(path, entry));
}

function outlineEntry(path: string, entry: ChangesetEntry): string {
  switch (entry.kind) {
    case 'directory':
      return `${path}/${entry.meta === undefined ? '' : ` ${short(entry.meta)}`}${entry.opaque ? ' opaque' : ''}`;
    case 'file':
      return `${path} ${short(entry.meta)} ${texts.get(entry.digest) ?? '?'}`;
    case 'symlink':
      return `${path} -> ${entry.target}${sameMetadata(entry.meta, symlink('').meta) ? '' : ` ${short(entry.meta)}`}`;
    case 'hardlink':
      return `${path} => ${entry.target}`;
    case 'device':
      return `${path} ${short(entry.meta)} ${entry.type}`;
    case 'whiteout':
      return `-${path}`;
  }
}

function short({ mode, uid, gid, mtime, xattrs }: Metadata): string {
  const extra = xattrs === undefined ? '' : ` [${[...xattrs.keys()].join()}]`;
  return `${mode.toString(8)} ${uid}:${gid} @${mtime}${extra}`;
}
