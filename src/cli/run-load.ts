import { TsbuildError } from '../util/errors.js';
import type { CliContext } from './context.js';
import type { LoadRequest } from './image-requests.js';

/** Resolves to the exit code. */
export function runLoad(_request: LoadRequest, _context: CliContext): Promise<number> {
  return Promise.reject(new TsbuildError('unsupported', 'tsbuild load is not supported yet'));
}
