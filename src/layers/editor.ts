import { baseName, joinPath, parentOf, plainPath } from './path.js';
import type { ChangesetDirectory, ChangesetEntry, Directory, Node } from './types.js';

interface Folder<E> {
  readonly entries: ReadonlyMap<string, E>;
}

/**
 * Makes many changes to an immutable value: each directory is copied at its first change and altered in place
 * afterwards, so n changes in one directory cost n and not n². What was given is never touched. `root` may be
 * read at any time; it must not be kept while changes go on.
 */
export class DirectoryEditor<E extends { readonly kind: string }, D extends E & Folder<E>> {
  readonly #owned = new WeakMap<Folder<E>, Map<string, E>>();
  /** Entries of the directories that were reached, by path: deep paths are not walked for each change. */
  readonly #reached = new Map<string, Map<string, E>>();
  #root: D;

  constructor(root: D) {
    this.#root = root;
  }

  get root(): D {
    return this.#root;
  }

  /** The entry at a path other than the root. Its parent must be a directory. */
  get(path: string): E | undefined {
    const clean = plainPath(path);
    return this.#entriesOf(parentOf(clean)).get(baseName(clean));
  }

  /** Puts an entry at a path other than the root. Its parent must be a directory. */
  set(path: string, entry: E): void {
    const clean = plainPath(path);
    if (clean === '') throw new Error('the root cannot be replaced by an entry');
    const entries = this.#entriesOf(parentOf(clean));
    const name = baseName(clean);
    if (entries.get(name)?.kind === 'directory') this.#reached.clear();
    entries.set(name, entry);
  }

  /** Replaces the root itself. */
  setRoot(root: D): void {
    this.#reached.clear();
    this.#root = root;
  }

  #entriesOf(path: string): Map<string, E> {
    const below: string[] = [];
    let at = path;
    let entries = this.#reached.get(at);
    for (; entries === undefined && at !== ''; entries = this.#reached.get(at)) {
      below.push(baseName(at));
      at = parentOf(at);
    }
    entries ??= this.#entriesOfRoot();
    for (let name = below.pop(); name !== undefined; name = below.pop()) {
      entries = this.#enter(entries, name);
      at = joinPath(at, name);
      this.#reached.set(at, entries);
    }
    return entries;
  }

  #entriesOfRoot(): Map<string, E> {
    this.#root = this.#own(this.#root);
    return this.#mapOf(this.#root);
  }

  #enter(entries: Map<string, E>, name: string): Map<string, E> {
    const child = entries.get(name);
    if (child === undefined || !this.#isDirectory(child))
      throw new Error(`no directory ${JSON.stringify(name)}`);
    const own = this.#own(child);
    if (own !== child) entries.set(name, own);
    return this.#mapOf(own);
  }

  #own(directory: D): D {
    if (this.#owned.has(directory)) return directory;
    const entries = new Map(directory.entries);
    const own = { ...directory, entries };
    this.#owned.set(own, entries);
    return own;
  }

  #mapOf(directory: D): Map<string, E> {
    const entries = this.#owned.get(directory);
    if (entries === undefined) throw new Error('directory is not owned');
    return entries;
  }

  #isDirectory(entry: E): entry is D {
    return entry.kind === 'directory';
  }
}

export class TreeEditor extends DirectoryEditor<Node, Directory> {}

export class ChangesetEditor extends DirectoryEditor<ChangesetEntry, ChangesetDirectory> {}
