import { TsbuildError } from '../util/errors.js';
import { diff } from './diff.js';
import { TreeEditor } from './editor.js';
import { ensureDirectory } from './ensure-directory.js';
import { GroupRenamer } from './link-groups.js';
import { cleanPath, joinPath, parentOf, quotedPath } from './path.js';
import { overDirectory, placeDirectory, placeLeaf, type Placing } from './place.js';
import { pruneUnchanged } from './prune.js';
import { resolve } from './resolve.js';
import type { Selection } from './select.js';
import type { Changeset, Directory, Metadata, Node, Tree } from './types.js';

/** One source word of the instruction. */
export interface CopySource {
  /** As written, for messages. */
  readonly pattern: string;
  readonly selections: readonly Selection[];
}

export interface CopyOptions {
  /** As written, after expansion. A slash or `/.` at its end makes it a directory. */
  readonly destination: string;
  /** Where a relative destination starts. */
  readonly workdir: string;
  /** --chown. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  /** Without --chown: `root` gives everything to 0:0 (a build context), `keep` leaves owners (a stage or image). */
  readonly defaultOwner: 'root' | 'keep';
  /** --chmod. `octal` is set for that form, which counts for directories made on the way as well. */
  readonly chmod?:
    { apply(mode: number, isDirectory: boolean): number; readonly octal: number | undefined } | undefined;
  /** --parents: the selections are pivots whose own metadata does not count. */
  readonly parents: boolean;
  /** mtime of directories made on the way, in nanoseconds since 1970. */
  readonly now: bigint;
  /** From a build context no extended attributes are taken. */
  readonly stripXattrs: boolean;
}

/**
 * What COPY (and ADD of something that is no archive) changes in `base`. A directory gives its contents, and
 * directories below it are united with those of the tree and take mode and owner of the source; a file goes into
 * an existing directory or takes the destination's name. Links in the destination are followed inside the tree.
 * `COPY --link` is a copy onto the empty tree.
 * Throws `copy` when a file would replace a directory or a directory anything else.
 */
export function copy(base: Tree, sources: readonly CopySource[], options: CopyOptions): Changeset {
  const work: Work = {
    editor: new TreeEditor(base),
    options,
    target: destinationOf(options),
    made: madeMetadata(options),
    placing: { groups: new GroupRenamer(), transform: (meta, kind) => transformed(meta, kind, options) },
    taken: new Map(),
  };
  for (const source of sources) for (const selection of source.selections) copyOne(work, selection, source);
  return pruneUnchanged(base, diff(base, work.editor.root));
}

interface Work {
  readonly editor: TreeEditor;
  readonly options: CopyOptions;
  readonly target: Destination;
  /** Metadata of directories made on the way. */
  readonly made: Metadata;
  readonly placing: Placing;
  /** Destinations that a file gave its content to, with the name of that file. */
  readonly taken: Map<string, string>;
}

export interface Destination {
  /** Clean, from the root. */
  readonly path: string;
  /** Written as a directory. */
  readonly isDirectory: boolean;
}

/** Where an instruction copies to. */
export function destinationOf({
  destination,
  workdir,
}: Pick<CopyOptions, 'destination' | 'workdir'>): Destination {
  const path = cleanPath(destination.startsWith('/') ? destination : `${workdir}/${destination}`);
  return { path, isDirectory: /(^|\/)\.?$/.test(destination) };
}

/** Metadata of directories that an instruction makes on the way to its destination. */
export function madeMetadata({ owner, chmod, now }: Pick<CopyOptions, 'owner' | 'chmod' | 'now'>): Metadata {
  return { mode: madeMode(chmod?.octal), uid: owner?.uid ?? 0, gid: owner?.gid ?? 0, mtime: now };
}

/** Directories on the way get no bits but those of permission. */
function madeMode(octal: number | undefined): number {
  return octal === undefined ? 0o755 : octal & 0o777;
}

function copyOne(work: Work, { path, name, node }: Selection, source: CopySource): void {
  const { editor, target, made } = work;
  const ensured = ensureDirectory(editor, target.isDirectory ? target.path : parentOf(target.path), made);
  const place = target.isDirectory ? ensured : resolve(editor.root, target.path).path;
  if (node.kind === 'directory') copyContents(work, place, node);
  else copyLeaf(work, place, { name, node, origin: path === '' ? source.pattern : path });
}

function copyContents({ editor, options, made, placing }: Work, place: string, source: Directory): void {
  const at = ensureDirectory(editor, place, made);
  const existing = resolve(editor.root, at).node;
  if (existing?.kind !== 'directory') throw new Error('the destination was not made');
  const filled = placeDirectory({ existing, source, path: at }, placing);
  // The destination keeps its own mode and owner and takes the time of what was copied into it.
  const mtime = options.parents ? existing.meta.mtime : source.meta.mtime;
  const directory: Directory = { ...filled, meta: { ...existing.meta, mtime } };
  if (at === '') editor.setRoot(directory);
  else editor.set(at, directory);
}

interface Leaf {
  readonly name: string;
  readonly node: Exclude<Node, Directory>;
  /** For messages. */
  readonly origin: string;
}

function copyLeaf(work: Work, place: string, { name, node, origin }: Leaf): void {
  const { editor, placing, taken } = work;
  const existing = resolve(editor.root, place).node;
  const isInside = existing?.kind === 'directory';
  if (!isInside) ensureDirectory(editor, parentOf(place), work.made);
  const at = isInside ? joinPath(place, name) : place;
  const replaced = isInside ? existing.entries.get(name) : existing;
  if (!isInside) refuseSecond(taken, at, origin);
  if (replaced?.kind === 'directory') throw overDirectory(at);
  editor.set(at, placeLeaf(node, placing));
}

/** Files that would overwrite each other in one destination: the slash at its end was forgotten. */
function refuseSecond(taken: Map<string, string>, at: string, origin: string): void {
  const first = taken.get(at);
  if (first !== undefined && first !== origin) {
    throw new TsbuildError(
      'copy',
      `${quotedPath(first)} and ${quotedPath(origin)} would both be copied to ${quotedPath(at)}`,
      {
        hint: 'end the destination with a slash to copy them into a directory',
      },
    );
  }
  taken.set(at, origin);
}

function transformed(meta: Metadata, kind: Node['kind'], options: CopyOptions): Metadata {
  const { owner, defaultOwner, chmod, stripXattrs } = options;
  const { uid, gid } = owner ?? (defaultOwner === 'root' ? { uid: 0, gid: 0 } : meta);
  // The mode of a symbolic link means nothing and cannot be set.
  const mode =
    chmod === undefined || kind === 'symlink' ? meta.mode : chmod.apply(meta.mode, kind === 'directory');
  const xattrs = stripXattrs ? undefined : meta.xattrs;
  if (uid === meta.uid && gid === meta.gid && mode === meta.mode && xattrs === meta.xattrs) return meta;
  const plain = { mode, uid, gid, mtime: meta.mtime };
  return xattrs === undefined ? plain : { ...plain, xattrs };
}
