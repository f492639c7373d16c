import { readFileSync } from 'node:fs';
import { errnoCode, TsbuildError } from '../util/errors.js';

/** Largest file of build arguments in bytes. */
const limit = 1024 * 1024;

/**
 * `--build-arg` values from a file, in the form that buildah reads: `NAME=VALUE` or `NAME` a line, taken as they are;
 * empty lines and lines whose first character besides blanks is `#` do not count. Throws `usage`.
 */
export function readBuildArgFile(path: string, shown: string): readonly string[] {
  return readText(path, shown)
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function readText(path: string, shown: string): string {
  try {
    const bytes = readFileSync(path);
    if (bytes.length > limit)
      throw new TsbuildError('usage', `${JSON.stringify(shown)} is larger than ${limit} bytes`);
    return bytes.toString('utf8');
  } catch (error) {
    const code = errnoCode(error);
    if (error instanceof TsbuildError || code === undefined) throw error;
    throw new TsbuildError(
      'usage',
      `the file of build arguments ${JSON.stringify(shown)} cannot be read: ${code}`,
      {
        cause: error,
      },
    );
  }
}
