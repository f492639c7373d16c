import { TsbuildError } from '../util/errors.js';
import type { CliContext } from './context.js';
import type { PushRequest } from './image-requests.js';

/** Resolves to the exit code. */
export function runPush(_request: PushRequest, _context: CliContext): Promise<number> {
  return Promise.reject(new TsbuildError('unsupported', 'tsbuild push is not supported yet'));
}
