import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { bytePath } from '../util/bytes.js';
import type { Body } from './types.js';

/** An open body that is read synchronously from its beginning. */
export interface BodyFile {
  /** Fills memory with what comes next; returns how much; 0 at the end. */
  read(target: Buffer): number;
  close(): void;
}

/** Never follows a link in the last place and never waits for a fifo's writer. */
export const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Opens bodies for many short synchronous reads: a file that holds many ranges (a layer's tar) is opened once.
 * Must be closed.
 */
export class BodyFiles {
  #shared: { path: string; fd: number } | undefined;

  open(body: Body): BodyFile {
    if (body.kind === 'memory') return memoryFile(body.bytes);
    if (body.kind === 'range') return rangeFile(this.#sharedFd(body.path), body);
    if (body.kind === 'sparse') return sparseFile(this.#sharedFd(body.path), body);
    const fd = openRegular(body.path);
    return { read: (target) => readSync(fd, target, 0, target.length, null), close: () => closeSync(fd) };
  }

  close(): void {
    if (this.#shared !== undefined) closeSync(this.#shared.fd);
    this.#shared = undefined;
  }

  #sharedFd(path: string): number {
    if (this.#shared?.path !== path) {
      this.close();
      this.#shared = { path, fd: openRegular(path) };
    }
    return this.#shared.fd;
  }
}

/** What was a file when it was seen may be a fifo or a directory now. Throws EISDIR for those. */
function openRegular(path: string): number {
  const fd = openSync(bytePath(path), openFlags);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw Object.assign(new Error('not a regular file'), { code: 'EISDIR' });
}

function memoryFile(bytes: Uint8Array): BodyFile {
  let at = 0;
  return {
    read(target) {
      const part = bytes.subarray(at, at + target.length);
      target.set(part);
      at += part.length;
      return part.length;
    },
    close: () => undefined,
  };
}

/** Holes and stretches in turn. */
function sparseFile(fd: number, { offset, size, extents }: Extract<Body, { kind: 'sparse' }>): BodyFile {
  let at = 0;
  let stored = offset;
  let next = 0;
  return {
    read(target) {
      let extent = extents[next];
      while (extent !== undefined && at >= extent.offset + extent.length) extent = extents[++next];
      const inHole = extent === undefined || at < extent.offset;
      const end = extent === undefined ? size : inHole ? extent.offset : extent.offset + extent.length;
      const length = Math.min(target.length, end - at);
      const read = inHole ? target.fill(0, 0, length) && length : readSync(fd, target, 0, length, stored);
      if (!inHole) stored += read;
      at += read;
      return read;
    },
    close: () => undefined,
  };
}

function rangeFile(fd: number, { offset, size }: { offset: number; size: number }): BodyFile {
  let at = 0;
  return {
    read(target) {
      const length = Math.min(target.length, size - at);
      const read = length === 0 ? 0 : readSync(fd, target, 0, length, offset + at);
      at += read;
      return read;
    },
    close: () => undefined,
  };
}
