import { existsSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { namespacesFor } from '../executor/present-mode.js';
import { storeRoot } from '../store/store.js';
import { readPrivileges } from '../sys/privileges.js';
import { removeTree } from '../sys/remove-tree.js';
import { toByteString } from '../util/bytes.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import type { BuildRequest } from './build-request.js';
import type { CliContext } from './context.js';

/**
 * Does the work of a command that reads or changes unpacked layers: in this process where it may, otherwise by running
 * it again as root of a user namespace, if there is one to be had.
 */
export async function inNamespace(
  isolation: BuildRequest['isolation'],
  context: CliContext,
  work: () => Promise<number>,
): Promise<number> {
  const { self, env, cwd } = context;
  if (self === undefined || namespacesFor(isolation, readPrivileges()).length === 0) return work();
  const { enterNamespace } = await import('../executor/enter-namespace.js');
  const code = await enterNamespace({
    isolation,
    command: { argv: self.argv, env, cwd },
    withProbeFolder: (use) => withProbeFolder(context, use),
    onEntering: () => self.handOver(),
  });
  return code ?? work();
}

/** In the store or, before there is one, where it will be. */
export async function withProbeFolder<T>(
  { env }: CliContext,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  let place = join(storeRoot(env, env['HOME'] || homedir()), 'scratch');
  while (!existsSync(place)) place = dirname(place);
  const folder = toByteString(await makeProbeFolder(place));
  try {
    for (const name of ['lower', 'upper', 'work', 'root']) await mkdir(join(folder, name));
    return await use(folder);
  } finally {
    await removeTree(folder);
  }
}

async function makeProbeFolder(place: string): Promise<string> {
  try {
    return await mkdtemp(join(place, '.tsbuild-probe-'));
  } catch (cause) {
    const code = errnoCode(cause);
    if (code === undefined) throw cause;
    throw new TsbuildError('store', `the store cannot be kept in ${JSON.stringify(place)}: ${code}`, {
      hint: 'set TSBUILD_ROOT to a folder that can be written',
      cause,
    });
  }
}
