import { namesOf } from './path.js';
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
  #root: D;

  constructor(root: D) {
    this.#root = root;
  }

  get root(): D {
    return this.#root;
  }

  /** Puts an entry at a path other than the root. Its parent must be a directory. */
  set(path: string, entry: E): void {
    const names = namesOf(path);
    const name = names.pop();
    if (name === undefined) throw new Error('the root cannot be replaced by an entry');
    this.#entriesOf(names).set(name, entry);
  }

  /** Replaces the root itself. */
  setRoot(root: D): void {
    this.#root = root;
  }

  #entriesOf(names: readonly string[]): Map<string, E> {
    this.#root = this.#own(this.#root);
    let entries = this.#mapOf(this.#root);
    for (const name of names) {
      const child = entries.get(name);
      if (child === undefined || !this.#isDirectory(child))
        throw new Error(`no directory ${JSON.stringify(name)}`);
      const own = this.#own(child);
      if (own !== child) entries.set(name, own);
      entries = this.#mapOf(own);
    }
    return entries;
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
