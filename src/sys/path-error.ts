import { fromByteString } from '../util/bytes.js';
import { errnoName } from './player.js';

/** A call on a path failed. Like Node's own errors it has `code`, `syscall` and `path` (a byte string). */
export class PathError extends Error {
  override readonly name = 'PathError';
  readonly code: string;

  constructor(
    readonly syscall: string,
    readonly path: string,
    /** Positive errno. */
    errno: number,
  ) {
    const code = errnoName(errno);
    super(`${code}: ${syscall} ${JSON.stringify(fromByteString(path))}`);
    this.code = code;
  }
}
