import { errnoCode } from '../util/errors.js';

/** System errors that the state of the machine causes wherever they surface, and what to do about each. */
const hints: Readonly<Record<string, string>> = {
  ENOSPC: 'free some space, or remove unused data with: tsbuild cache prune',
  EDQUOT: 'the disk quota is used up: free some space, or let TSBUILD_ROOT name a folder elsewhere',
  EROFS: 'the file system is read-only: let TSBUILD_ROOT name a folder that can be written',
  EMFILE: 'raise the limit of open files (ulimit -n)',
  ENFILE: 'the machine has no file handles left',
  ENOMEM: 'the machine has no memory left',
  EAGAIN: 'the limit of processes is reached (ulimit -u)',
  EFBIG: 'raise the limit of file sizes (ulimit -f)',
  EIO: 'the disk reports errors',
};

/** Advice when an error that is not a TsbuildError is the machine's fault; undefined when it is a bug of ours. */
export function machineFailureHint(error: unknown): string | undefined {
  const code = errnoCode(error);
  return code === undefined ? undefined : hints[code];
}
