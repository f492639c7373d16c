import { mkdir } from 'node:fs/promises';
import { removeTree } from '../sys/remove-tree.js';
import { bytePath } from '../util/bytes.js';
import { chooseMode } from './choose-mode.js';
import { readHostFacts } from './host-facts.js';
import { LimitGroups } from './limit-groups.js';
import type { StepNetworks } from './networks.js';
import { RootfulExecutor } from './rootful-executor.js';
import { openScratch } from './scratch.js';
import { StepResources } from './step-resources.js';
import type { Executor, Mode } from './types.js';

export interface ExecutorOptions {
  /** Directory (a byte string) on the store's file system, for uppers and work directories; made 0700 if absent. */
  readonly scratch: string;
  readonly isolation: 'auto' | Mode;
  /** Without it steps that name no network have the host's. */
  readonly networks?: StepNetworks;
  /** Told of limits that cannot be had as they were asked for. */
  readonly onNotice?: (message: string) => void;
}

/** Makes the executor for this machine. Throws `sandbox` when steps cannot be run here, saying why. */
export async function createExecutor({
  scratch,
  isolation,
  networks,
  onNotice,
}: ExecutorOptions): Promise<Executor> {
  const own = await openScratch(scratch);
  const probe = `${own.directory}/probe`;
  for (const name of ['', 'lower', 'upper', 'work', 'root']) await mkdir(bytePath(`${probe}/${name}`));
  try {
    await chooseMode(isolation, probe);
  } finally {
    await removeTree(probe);
  }
  const [host, groups] = await Promise.all([readHostFacts(), LimitGroups.open()]);
  return new RootfulExecutor(own, host, new StepResources({ groups, networks, onNotice }));
}
