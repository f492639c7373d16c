import { closeSync, constants, openSync } from 'node:fs';
import { bytePath } from '../util/bytes.js';
import { openFlags } from './body-file.js';
import { parentOf, baseName } from './path.js';

/** Not in Node's constants: a descriptor that only names a file (fcntl.h, the same on all of our architectures). */
const O_PATH = 0o10000000;
const folderFlags = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * One component below an open directory, as a path for Node's functions: Linux resolves it from the descriptor. With
 * O_NOFOLLOW this is openat(2); nobody who renames directories and links meanwhile can lead it elsewhere.
 */
export function below(fd: number, name: string): Buffer {
  return bytePath(`/proc/self/fd/${fd}/${name}`);
}

/** The listing of an open directory. */
export function itself(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/** Opens the root of a walk; here links are followed, the user named it. Must be closed. */
export function openRoot(path: string): number {
  return openSync(bytePath(path), O_PATH | constants.O_DIRECTORY);
}

/** Opens a directory below another one, which is kept open. Throws ENOTDIR for a symbolic link. Must be closed. */
export function openFolder(fd: number, name: string): number {
  return openSync(below(fd, name), folderFlags);
}

/**
 * Opens paths below a root that others may write to, component by component, never through a symbolic link. The last
 * directory stays open, since files come folder by folder. Must be closed.
 */
export class Beneath {
  readonly #root: number;
  #folder: { readonly path: string; readonly fd: number } | undefined;

  constructor(root: string) {
    this.#root = openRoot(root);
  }

  /** Opens a file to read; never waits for a fifo. The caller closes it and checks what it is. */
  openFile(path: string): number {
    return openSync(below(this.#folderOf(parentOf(path)), baseName(path)), openFlags);
  }

  /** A directory as a descriptor of its own, which the caller closes. */
  openFolder(path: string): number {
    let fd = openFolder(this.#root, '.');
    for (const name of path === '' ? [] : path.split('/')) {
      try {
        const next = openFolder(fd, name);
        closeSync(fd);
        fd = next;
      } catch (error) {
        closeSync(fd);
        throw error;
      }
    }
    return fd;
  }

  close(): void {
    this.#forget();
    closeSync(this.#root);
  }

  #folderOf(path: string): number {
    if (this.#folder?.path === path) return this.#folder.fd;
    const fd = this.openFolder(path);
    this.#forget();
    this.#folder = { path, fd };
    return fd;
  }

  #forget(): void {
    if (this.#folder !== undefined) closeSync(this.#folder.fd);
    this.#folder = undefined;
  }
}
