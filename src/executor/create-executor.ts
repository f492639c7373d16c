import { mkdir } from 'node:fs/promises';
import { isOverlay } from '../layers/own-namespace.js';
import { readPrivileges, type IdRange, type Privileges } from '../sys/privileges.js';
import { removeTree } from '../sys/remove-tree.js';
import { bytePath } from '../util/bytes.js';
import { ChrootExecutor } from './chroot-executor.js';
import { chooseMode } from './choose-mode.js';
import { readHostFacts } from './host-facts.js';
import { landlockVersion } from './landlock.js';
import { LimitGroups } from './limit-groups.js';
import { modeNotice } from './mode-promises.js';
import { NamespaceExecutor } from './namespace-executor.js';
import type { StepNetworks } from './networks.js';
import { PlainNamespaceExecutor } from './plain-namespace-executor.js';
import { openScratch, type Scratch } from './scratch.js';
import { StepResources } from './step-resources.js';
import type { Executor, KnownIds, Mode } from './types.js';

export interface ExecutorOptions {
  /** Directory (a byte string) on the store's file system, for uppers and work directories; made 0700 if absent. */
  readonly scratch: string;
  readonly isolation: 'auto' | Mode;
  /** Without it steps that name no network have the host's. */
  readonly networks?: StepNetworks;
  /** Told once what the mode does not promise, and of limits that cannot be had as they were asked for. */
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
  const mode = await withProbeFolder(own, (folder) => chooseMode(isolation, folder));
  const notice = modeNotice(mode);
  if (notice !== undefined) onNotice?.(notice);
  const host = await readHostFacts();
  const groups = await LimitGroups.open();
  if (mode === 'chroot') {
    const resources = new StepResources({ groups, onNotice });
    return new ChrootExecutor(own, host, { resources, landlock: await landlockVersion(), onNotice });
  }
  const resources = new StepResources({ groups, networks, onNotice });
  const kind = isOverlay(own.directory) ? PlainNamespaceExecutor : NamespaceExecutor;
  return new kind(mode, own, host, { resources, ids: knownIds(readPrivileges()) });
}

async function withProbeFolder<T>(scratch: Scratch, use: (folder: string) => Promise<T>): Promise<T> {
  const probe = `${scratch.directory}/probe`;
  for (const name of ['', 'lower', 'upper', 'work', 'root']) await mkdir(bytePath(`${probe}/${name}`));
  try {
    return await use(probe);
  } finally {
    await removeTree(probe);
  }
}

/** Undefined where every id that an image may use exists. */
function knownIds({ initial, users, groups }: Privileges): KnownIds | undefined {
  if (initial) return undefined;
  return { hasUser: within(users), hasGroup: within(groups) };
}

function within(ranges: readonly IdRange[]): (id: number) => boolean {
  return (id) => ranges.some(([first, count]) => id >= first && id < first + count);
}
