import { TsbuildError } from '../util/errors.js';
import { pathComponents, shown } from './archive-path.js';
import type {
  Changeset,
  ChangesetDirectory,
  ChangesetEntry,
  Device,
  File,
  HardLink,
  LinkGroup,
  Metadata,
  Symlink,
} from './types.js';

type Leaf = File | Symlink | Device;
type Entry = Folder | Leaf | HardLink;

class Folder {
  readonly kind = 'directory';
  meta: Metadata | undefined;
  opaque = false;
  readonly entries = new Map<string, Entry>();
  /** Names hidden below this layer. Kept apart: they never touch what the layer itself brings. */
  readonly hidden = new Set<string>();
}

const mostHops = 40;

/**
 * Collects the members of one layer in the order of its archive and gives the changeset that they add up to. Later
 * members replace earlier ones. A parent that is a symbolic link of the same layer is followed inside the root, as
 * containerd does when it unpacks a layer for overlayfs; links of lower layers are not known here, so a directory of this
 * layer hides them. Nothing touches a file system: a path cannot leave the root.
 */
export class ChangesetBuilder {
  readonly #root = new Folder();
  #lastParent = '';
  #lastFolder = this.#root;

  /** Adds a directory, or gives one that exists its metadata. */
  addDirectory(path: readonly string[], meta: Metadata): void {
    const [folder, name] = this.#place(path);
    const existing = folder.entries.get(name);
    if (existing?.kind === 'directory') {
      existing.meta = meta;
      return;
    }
    const added = new Folder();
    added.meta = meta;
    this.#put(folder, name, added);
  }

  add(path: readonly string[], leaf: Leaf): void {
    const [folder, name] = this.#place(path);
    this.#put(folder, name, leaf);
  }

  /** Another name of `target`, which is a path as it stands in the archive. Throws `archive` for directories. */
  addHardLink(path: readonly string[], target: string): void {
    const [folder, name] = this.#place(path);
    const found = this.#find(pathComponents(target));
    if (found.folder === folder && found.name === name) {
      throw new TsbuildError('archive', `hard link ${shown(path.join('/'))} points to itself`);
    }
    this.#put(folder, name, this.#linked(found, target) ?? { kind: 'hardlink', target: found.path });
  }

  hide(parent: readonly string[], name: string): void {
    this.#folder(parent).hidden.add(name);
  }

  makeOpaque(path: readonly string[]): void {
    this.#folder(path).opaque = true;
  }

  /** The changeset; names are in byte order. Hard links to members that came later become links within the layer. */
  finish(): Changeset {
    this.#resolveLinks(this.#root);
    return { ...frozen(this.#root, false), meta: undefined };
  }

  #put(folder: Folder, name: string, entry: Entry): void {
    if (folder.entries.has(name)) this.#forget();
    folder.entries.set(name, entry);
  }

  #forget(): void {
    this.#lastParent = '';
    this.#lastFolder = this.#root;
  }

  #place(path: readonly string[]): readonly [Folder, string] {
    const name = path.at(-1);
    if (name === undefined) throw new RangeError('the root cannot be replaced');
    return [this.#folder(path.slice(0, -1)), name];
  }

  #folder(path: readonly string[]): Folder {
    const key = path.join('/');
    if (key !== this.#lastParent) {
      this.#lastFolder = this.#walk(path, true)?.at(-1)?.folder ?? this.#root;
      this.#lastParent = key;
    }
    return this.#lastFolder;
  }

  /** The folders from the root to `path`, symbolic links followed. Undefined where one is missing and not made. */
  #walk(path: readonly string[], make: boolean): { folder: Folder; name: string }[] | undefined {
    let trail = [{ folder: this.#root, name: '' }];
    const pending = path.toReversed();
    for (let hops = 0; pending.length > 0;) {
      const name = pending.pop() ?? '';
      const folder = trail.at(-1)?.folder ?? this.#root;
      if (name === '..') {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const entry = folder.entries.get(name) ?? (make ? added(folder, name) : undefined);
      if (entry === undefined) return undefined;
      if (entry.kind === 'directory') trail.push({ folder: entry, name });
      else if (entry.kind !== 'symlink')
        throw new TsbuildError('archive', `${shown(path.join('/'))} is below something that is no directory`);
      else if (++hops > mostHops)
        throw new TsbuildError('archive', `too many symbolic links in ${shown(path.join('/'))}`);
      else {
        if (entry.target.startsWith('/')) trail = trail.slice(0, 1);
        pending.push(...linkComponents(entry.target).reverse());
      }
    }
    return trail;
  }

  /** Where a hard link points: the last component is not followed. */
  #find(target: readonly string[]): { folder: Folder | undefined; name: string; path: string } {
    const name = target.at(-1) ?? '';
    const trail = this.#walk(target.slice(0, -1), false);
    if (trail === undefined) return { folder: undefined, name, path: target.join('/') };
    const path = [...trail.slice(1).map((step) => step.name), name].join('/');
    return { folder: trail.at(-1)?.folder, name, path };
  }

  #linked({ folder, name }: { folder: Folder | undefined; name: string }, target: string): Entry | undefined {
    const entry = name === '' ? folder : folder?.entries.get(name);
    if (entry?.kind === 'directory')
      throw new TsbuildError('archive', `hard link to the directory ${shown(target)}`);
    if (entry?.kind !== 'file') return entry;
    const grouped = entry.links === undefined ? { ...entry, links: newGroup() } : entry;
    folder?.entries.set(name, grouped);
    return grouped;
  }

  #resolveLinks(folder: Folder): void {
    for (const [name, entry] of folder.entries) {
      if (entry.kind === 'directory') this.#resolveLinks(entry);
      if (entry.kind !== 'hardlink') continue;
      const found = this.#find(entry.target.split('/'));
      if (found.folder === folder && found.name === name) continue;
      const linked = this.#linked(found, entry.target);
      if (linked !== undefined && linked.kind !== 'hardlink') folder.entries.set(name, linked);
    }
  }
}

function newGroup(): LinkGroup {
  return {};
}

function added(parent: Folder, name: string): Folder {
  const folder = new Folder();
  parent.entries.set(name, folder);
  return folder;
}

function linkComponents(target: string): string[] {
  return target.split('/').filter((name) => name !== '' && name !== '.');
}

/** A directory that its own layer also hides starts empty: it is opaque. */
function frozen(folder: Folder, hidden: boolean): ChangesetDirectory {
  const entries = new Map<string, ChangesetEntry>();
  const names = [...folder.entries.keys(), ...[...folder.hidden].filter((name) => !folder.entries.has(name))];
  for (const name of names.sort()) {
    const entry = folder.entries.get(name);
    if (entry === undefined) entries.set(name, { kind: 'whiteout' });
    else entries.set(name, entry.kind === 'directory' ? frozen(entry, folder.hidden.has(name)) : entry);
  }
  return { kind: 'directory', meta: folder.meta, opaque: folder.opaque || hidden, entries };
}
