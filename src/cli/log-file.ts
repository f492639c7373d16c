import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import { TsbuildError } from '../util/errors.js';
import type { CliContext } from './context.js';

/**
 * Runs `work` with a new file in place of standard output and standard error, as `--logfile` of buildah; without a path
 * as it is. What `work` throws is not written to the file. Throws `build` when the file cannot be written.
 */
export async function withLogFile(
  path: string | undefined,
  cli: CliContext,
  work: (cli: CliContext) => Promise<number>,
): Promise<number> {
  if (path === undefined) return work(cli);
  const failed = (cause: unknown): never => {
    throw new TsbuildError('build', `cannot write ${JSON.stringify(path)}`, { cause });
  };
  const file = (await open(resolve(cli.cwd, path), 'w', 0o600).catch(failed)).createWriteStream();
  const written = finished(file).catch(failed);
  const ended = work({ ...cli, stdout: file, stderr: file }).finally(() => file.end());
  const [code] = await Promise.all([ended, written]);
  return code;
}

/** Throws `usage` where a file for what is printed would get a tar too. */
export function refuseLoggedTar(path: string | undefined, outputs: readonly string[]): void {
  if (path === undefined || !outputs.some((text) => /^-$|(?:^|,)"?dest=-"?(?:,|$)/.test(text))) return;
  throw new TsbuildError('usage', '--logfile takes standard output, and an output goes there', {
    hint: 'give the output a file: -o type=TYPE,dest=FILE',
  });
}
