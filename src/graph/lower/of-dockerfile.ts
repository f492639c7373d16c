import { TsbuildError } from '../../util/errors.js';

/**
 * What `read` makes of a word of the Dockerfile. Readers that serve the command line too call a wrong word `usage`;
 * throws `dockerfile` for it.
 */
export function ofDockerfile<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TsbuildError) || error.code !== 'usage') throw error;
    throw new TsbuildError('dockerfile', error.message, { hint: error.hint, cause: error });
  }
}
