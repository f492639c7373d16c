import { mkdir } from 'node:fs/promises';
import { removeTree } from '../sys/remove-tree.js';
import { bytePath } from '../util/bytes.js';
import { chooseMode } from './choose-mode.js';
import { readHostFacts } from './host-facts.js';
import { RootfulExecutor } from './rootful-executor.js';
import { openScratch } from './scratch.js';
import type { Executor, Mode } from './types.js';

export interface ExecutorOptions {
  /** Directory (a byte string) on the store's file system, for uppers and work directories; made 0700 if absent. */
  readonly scratch: string;
  readonly isolation: 'auto' | Mode;
}

/** Makes the executor for this machine. Throws `sandbox` when steps cannot be run here, saying why. */
export async function createExecutor({ scratch, isolation }: ExecutorOptions): Promise<Executor> {
  const own = await openScratch(scratch);
  const probe = `${own.directory}/probe`;
  for (const name of ['', 'lower', 'upper', 'work', 'root']) await mkdir(bytePath(`${probe}/${name}`));
  try {
    await chooseMode(isolation, probe);
  } finally {
    await removeTree(probe);
  }
  return new RootfulExecutor(own, await readHostFacts());
}
