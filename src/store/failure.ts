import { errnoCode, TsbuildError } from '../util/errors.js';

const hints: Readonly<Record<string, string>> = {
  ENOSPC:
    'free some space (tsbuild cache prune deletes what no image needs) or set TSBUILD_ROOT to another disk',
  EDQUOT:
    'free some of your quota (tsbuild cache prune deletes what no image needs) or set TSBUILD_ROOT to another disk',
  EROFS: 'set TSBUILD_ROOT to a folder that can be written',
  EACCES: 'set TSBUILD_ROOT to a folder of your own',
  EPERM: 'set TSBUILD_ROOT to a folder of your own',
  EEXIST: 'set TSBUILD_ROOT to another folder',
  ENOTDIR: 'set TSBUILD_ROOT to another folder',
  EMFILE: 'raise the limit of open files (ulimit -n)',
};

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the disk',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission is denied',
  EPERM: 'the operation is not permitted',
  EEXIST: 'something else is in the way',
  ENOTDIR: 'a part of the path is not a folder',
  EMFILE: 'too many files are open',
  EIO: 'the disk failed to read or write',
};

/**
 * A failed system call as a TsbuildError of code `store`, saying what was tried (`action`, without full stop) and
 * why it failed. Other errors are given back as they are: they are ours already, or bugs.
 */
export function storeFailure(error: unknown, action: string): unknown {
  const code = errnoCode(error);
  if (error instanceof TsbuildError || code === undefined) return error;
  return new TsbuildError('store', `${action}: ${reasons[code] ?? code}`, {
    hint: hints[code],
    cause: error,
  });
}

/** Runs `work`; a failed system call becomes what `storeFailure` makes of it. */
export async function explained<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeFailure(error, action);
  }
}
