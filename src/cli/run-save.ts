import { TsbuildError } from '../util/errors.js';
import type { CliContext } from './context.js';
import type { SaveRequest } from './image-requests.js';

/** Resolves to the exit code. */
export function runSave(_request: SaveRequest, _context: CliContext): Promise<number> {
  return Promise.reject(new TsbuildError('unsupported', 'tsbuild save is not supported yet'));
}
