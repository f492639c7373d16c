import { TsbuildError } from '../util/errors.js';
import type { BuildRequest } from './build-request.js';
import type { CliContext } from './context.js';

/** Builds what a request asks for; resolves to the exit code. */
export function runBuild(request: BuildRequest, _context: CliContext): Promise<number> {
  return Promise.reject(
    new TsbuildError('unsupported', `cannot build ${JSON.stringify(request.context)} yet`),
  );
}
