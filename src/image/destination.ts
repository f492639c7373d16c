import { randomBytes } from 'node:crypto';
import { open, realpath, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { errnoCode, TsbuildError } from '../util/errors.js';

/** Takes bytes one chunk after the other. */
export type Sink = (chunk: Uint8Array) => Promise<void>;

export interface Destination {
  /** A path as the user gave it, or `-` for standard output. */
  readonly dest: string;
  readonly cwd: string;
  readonly stdout: Writable;
}

/**
 * Runs `write` on a destination. A file is written under a temporary name beside it and renamed when `write` is done,
 * so that a failure leaves what was there; a device or fifo is written to directly. Throws `build`.
 */
export async function writeDestination<T>(
  destination: Destination,
  write: (sink: Sink) => Promise<T>,
): Promise<T> {
  if (destination.dest === '-') return write(streamSink(destination.stdout));
  const path = resolve(destination.cwd, destination.dest);
  try {
    const target = await kindOf(path);
    if (target.kind === 'special') return await writeDirectly(path, write);
    return await writeBeside(target.path, write);
  } catch (error) {
    throw exportFailure(error, destination.dest);
  }
}

/** Fails where no file could be written because its folder is not there: better before a build than after. Throws `build`. */
export async function checkDestination(dest: string, cwd: string): Promise<void> {
  if (dest === '-') return;
  try {
    await stat(`${dirname(resolve(cwd, dest))}/.`);
  } catch (error) {
    throw exportFailure(error, dest);
  }
}

/** A failed system call on a destination as a TsbuildError; other errors as they are. */
export function exportFailure(error: unknown, dest: string): unknown {
  const code = errnoCode(error);
  if (error instanceof TsbuildError || code === undefined) return error;
  const hint = hints[code];
  return new TsbuildError('build', `cannot write ${JSON.stringify(dest)}: ${reasonOf(code)}`, {
    hint,
    cause: error,
  });
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'it is a folder',
  EACCES: 'permission is denied',
  EPERM: 'the operation is not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the disk',
  EDQUOT: 'the disk quota is used up',
  EPIPE: 'the reader has closed it',
  ENAMETOOLONG: 'a path is too long',
};

const hints: Readonly<Record<string, string>> = {
  ENOENT: 'make the folder first, or choose another one',
  ENOSPC: 'free some space or choose another dest',
};

function reasonOf(code: string): string {
  return reasons[code] ?? code;
}

type Target = { readonly kind: 'file'; readonly path: string } | { readonly kind: 'special' };

/** A link is followed, so that it stays; what it leads to is replaced. */
async function kindOf(path: string): Promise<Target> {
  try {
    const status = await stat(path);
    if (status.isDirectory()) {
      throw new TsbuildError('build', `${JSON.stringify(path)} is a folder`, {
        hint: 'give the name of a file as dest',
      });
    }
    return status.isFile() ? { kind: 'file', path: await realpath(path) } : { kind: 'special' };
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return { kind: 'file', path };
    throw error;
  }
}

async function writeDirectly<T>(path: string, write: (sink: Sink) => Promise<T>): Promise<T> {
  const handle = await open(path, 'w');
  try {
    return await write(fileSink(handle));
  } finally {
    await handle.close();
  }
}

async function writeBeside<T>(path: string, write: (sink: Sink) => Promise<T>): Promise<T> {
  const temporary = temporaryBeside(path);
  const handle = await open(temporary, 'wx', 0o666);
  try {
    const result = await write(fileSink(handle));
    await handle.sync();
    await handle.close();
    await rename(temporary, path);
    return result;
  } catch (error) {
    await handle.close().catch(() => undefined);
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

/** An unused name in the folder of `path`. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path).slice(0, 200)}.tsbuild-${randomBytes(6).toString('hex')}`);
}

function fileSink(handle: FileHandle): Sink {
  return (chunk) => handle.appendFile(chunk);
}

/** Waits for each chunk. The stream is not ended: it is not ours. */
function streamSink(stream: Writable): Sink {
  return (chunk) =>
    new Promise((settle, reject) => {
      const onError = (error: Error) => reject(exportFailure(error, '-'));
      stream.once('error', onError);
      stream.write(chunk, (error) => {
        // A failed write is followed by the stream's error event: the listener must still be there.
        if (error !== null && error !== undefined) return onError(error);
        stream.off('error', onError);
        settle();
      });
    });
}
