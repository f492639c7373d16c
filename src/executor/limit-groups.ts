/**
 * Control groups of steps. Each step gets a group of its own in every hierarchy that is needed: it bounds processes
 * and memory, and tells afterwards whether the kernel killed for want of memory.
 */
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { makerIsGone, temporaryName } from '../store/temporary.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import {
  findHierarchies,
  type Controller,
  type FoundHierarchy,
  type Hierarchy,
} from './limit-hierarchies.js';
import { groupSettings } from './limit-settings.js';
import type { StepLimits } from './types.js';

/** The groups of one step. */
export interface StepGroups {
  /** Absolute paths. */
  readonly directories: readonly string[];
  /** Controllers that could not be had. */
  readonly lacking: readonly Controller[];
  /** Whether the kernel has killed in the group because memory ran out. */
  ranOutOfMemory(): Promise<boolean>;
  /** To be called when no process is left in it. */
  remove(): Promise<void>;
}

const prefix = 'tsbuild-';

export class LimitGroups {
  private constructor(private readonly hierarchies: readonly Hierarchy[]) {}

  /** Finds out where groups can be made. */
  static async open(): Promise<LimitGroups> {
    const usable = await Promise.all((await readHierarchies()).map(usableHierarchy));
    return new LimitGroups(usable.flatMap((hierarchy) => hierarchy ?? []));
  }

  /** Throws `sandbox` for a limit that was asked for and cannot be set. */
  async make(limits: StepLimits): Promise<StepGroups> {
    const made = new Map<Hierarchy, string>();
    const name = `${prefix}${temporaryName()}`;
    for (const hierarchy of this.hierarchies) {
      const directory = `${hierarchy.parent}/${name}`;
      if (await makeGroup(directory)) made.set(hierarchy, directory);
    }
    try {
      for (const [hierarchy, directory] of made)
        await limitGroup(directory, groupSettings(hierarchy, limits));
    } catch (error) {
      await removeGroups(made.values());
      throw error;
    }
    const present = new Set([...made.keys()].flatMap(({ controllers }) => controllers));
    const all: readonly Controller[] = ['memory', 'pids', 'cpu'];
    return {
      directories: [...made.values()],
      lacking: all.filter((controller) => !present.has(controller)),
      ranOutOfMemory: () => hasKilled(made),
      remove: () => removeGroups(made.values()),
    };
  }
}

/** Deletes the groups of processes that are gone. */
export async function sweepLimitGroups(): Promise<void> {
  for (const { candidates } of await readHierarchies()) {
    for (const parent of candidates) await sweepGroups(parent);
  }
}

async function readHierarchies(): Promise<readonly FoundHierarchy[]> {
  const read = (path: string): Promise<string> => readFile(path, 'latin1').catch(() => '');
  return findHierarchies(await read('/proc/self/mountinfo'), await read('/proc/self/cgroup'));
}

/** The first parent in which groups with controllers can be made; undefined when there is none. */
async function usableHierarchy({
  version,
  candidates,
  controllers,
}: FoundHierarchy): Promise<Hierarchy | undefined> {
  for (const parent of candidates) {
    const enabled = version === 1 ? controllers : await enabledControllers(parent);
    if (enabled.length === 0) continue;
    const probe = `${parent}/${prefix}${temporaryName()}`;
    if (!(await makeGroup(probe))) continue;
    await removeGroups([probe]);
    return { version, parent, controllers: enabled };
  }
  return undefined;
}

/** Version 2: what groups below have is enabled in their parent; where no process is in the way it can be. */
async function enabledControllers(parent: string): Promise<readonly Controller[]> {
  const read = async (file: string): Promise<string[]> => {
    const text = await readFile(`${parent}/${file}`, 'latin1').catch(() => '');
    return text.split(/\s+/);
  };
  const wanted: readonly Controller[] = ['memory', 'pids', 'cpu'];
  const available = await read('cgroup.controllers');
  const enabled = await read('cgroup.subtree_control');
  const missing = wanted.filter((name) => available.includes(name) && !enabled.includes(name));
  for (const name of missing)
    await writeFile(`${parent}/cgroup.subtree_control`, `+${name}`).catch(() => undefined);
  const now = await read('cgroup.subtree_control');
  return wanted.filter((name) => now.includes(name));
}

async function makeGroup(directory: string): Promise<boolean> {
  try {
    await mkdir(directory);
    return true;
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
    return false; // read-only, not ours, or too many: there are no groups here
  }
}

async function limitGroup(directory: string, settings: ReturnType<typeof groupSettings>): Promise<void> {
  for (const { file, value, optional } of settings) {
    try {
      await writeFile(`${directory}/${file}`, value);
    } catch (cause) {
      if (optional) continue;
      throw new TsbuildError('sandbox', `the limit ${file}=${value} cannot be set: ${errnoCode(cause)}`, {
        cause,
      });
    }
  }
}

async function hasKilled(made: ReadonlyMap<Hierarchy, string>): Promise<boolean> {
  for (const [{ version, controllers }, directory] of made) {
    if (!controllers.includes('memory')) continue;
    const file = version === 1 ? 'memory.oom_control' : 'memory.events';
    const text = await readFile(`${directory}/${file}`, 'latin1').catch(() => '');
    if (Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0) > 0) return true;
  }
  return false;
}

/** A group stays busy for a moment after its last process has ended. */
async function removeGroups(directories: Iterable<string>): Promise<void> {
  for (const directory of directories) {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const code = await rmdir(directory).then(() => undefined, errnoCode);
      if (code !== 'EBUSY') break;
      await delay(5);
    }
  }
}

async function sweepGroups(parent: string): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    if (!name.startsWith(prefix) || makerIsGone(name.slice(prefix.length)) !== true) continue;
    await rmdir(`${parent}/${name}`).catch(() => undefined);
  }
}
