import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { bytePath } from '../util/bytes.js';
import { errnoCode } from '../util/errors.js';
import { firstInheritedFd, play, PlayerError } from './player.js';

/** A held flock(2). The kernel frees it when this process ends, however that happens. */
export interface FileLock {
  /** Byte string. */
  readonly path: string;
  release(): void;
}

export interface LockOptions {
  /** Whether to wait for other holders (the default). */
  readonly wait?: boolean;
  /** Ends the waiting: the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
}

const operations = { shared: 1, exclusive: 2 } as const;
const LOCK_NB = 4;

/**
 * Locks a file, which is created (0600) when it is absent. The lock belongs to the open file description that this
 * process holds: two calls exclude each other also within one process. After waiting, the path is checked to name
 * the locked inode still; otherwise the new file is locked. Undefined when `wait` is false and the lock is held.
 */
export async function lockFile(
  path: string,
  kind: 'shared' | 'exclusive',
  options: LockOptions = {},
): Promise<FileLock | undefined> {
  for (;;) {
    options.signal?.throwIfAborted();
    // A bare descriptor: a FileHandle would be closed, and the lock lost, when it is garbage collected.
    const fd = openSync(bytePath(path), constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    let kept = false;
    try {
      if (!(await flock(fd, kind, options))) return undefined;
      kept = stillNamed(fd, path);
      if (kept) return { path, release: releaseOf(fd) };
    } finally {
      if (!kept) closeSync(fd);
    }
  }
}

/** Takes the lock on the inherited description; false when it is held and we do not wait. */
async function flock(fd: number, kind: 'shared' | 'exclusive', options: LockOptions): Promise<boolean> {
  const wait = options.wait ?? true;
  const mode = operations[kind] | (wait ? 0 : LOCK_NB);
  const program = {
    operations: [
      { call: 'flock', args: [firstInheritedFd, mode] },
      { call: 'exit_group', args: [0] },
    ],
  } as const;
  try {
    await play(program, { fds: [fd], ...(options.signal && { signal: options.signal }) });
    return true;
  } catch (error) {
    if (error instanceof PlayerError && error.code === 'EAGAIN') return false;
    throw error;
  }
}

function stillNamed(fd: number, path: string): boolean {
  try {
    const [held, named] = [fstatSync(fd, { bigint: true }), statSync(bytePath(path), { bigint: true })];
    return held.ino === named.ino && held.dev === named.dev;
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return false;
    throw error;
  }
}

function releaseOf(fd: number): () => void {
  let held = true;
  return () => {
    if (held) closeSync(fd);
    held = false;
  };
}
