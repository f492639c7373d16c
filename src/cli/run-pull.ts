import { TsbuildError } from '../util/errors.js';
import type { CliContext } from './context.js';
import type { PullRequest } from './image-requests.js';

/** Resolves to the exit code. */
export function runPull(_request: PullRequest, _context: CliContext): Promise<number> {
  return Promise.reject(new TsbuildError('unsupported', 'tsbuild pull is not supported yet'));
}
