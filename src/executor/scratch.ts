/**
 * Uppers and work directories of one process: `<scratch>/<pid>-<start time>-<random>/`, held by a lock in it. What a process
 * that is gone has left there is deleted by the next one.
 */
import { mkdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile } from 'node:fs/promises';
import { lockFile, type FileLock } from '../sys/lock.js';
import { removeTree } from '../sys/remove-tree.js';
import { bytePath } from '../util/bytes.js';
import { errnoCode } from '../util/errors.js';
import type { SandboxPaths } from './sandbox/plan.js';

/** Directories of one step. `base` holds all but the upper. */
export interface StepDirectories extends SandboxPaths {
  readonly base: string;
}

export class Scratch {
  #count = 0;

  constructor(
    readonly directory: string,
    /** Held as long as this process lives. */
    readonly lock: FileLock,
  ) {}

  /** Makes the directories of a step. Synchronous: six of them are made sooner than one answer of the thread pool comes. */
  makeStep(): StepDirectories {
    const name = `${this.directory}/${++this.#count}`;
    const base = `${name}.work`;
    const paths = {
      upper: `${name}.upper`,
      work: `${base}/work`,
      init: `${base}/init`,
      root: `${base}/root`,
      memory: `${base}/memory`,
    };
    mkdirSync(bytePath(base), { mode: 0o700 });
    for (const path of Object.values(paths)) mkdirSync(bytePath(path), { mode: 0o755 });
    return { base, ...paths };
  }
}

/** Deletes leftovers, then makes this process's own directory. `scratch` is made if it is absent. */
export async function openScratch(scratch: string): Promise<Scratch> {
  await mkdir(bytePath(scratch), { recursive: true, mode: 0o700 });
  const gate = await lockFile(`${scratch}/${gateName}`, 'exclusive');
  try {
    await sweep(scratch);
    const prefix = `${scratch}/${process.pid}-${await startTime()}-`;
    const directory = await mkdtemp(bytePath(prefix).toString(), { encoding: 'latin1' });
    const lock = await lockFile(`${directory}/lock`, 'exclusive');
    if (lock === undefined) throw new Error(`locked: ${directory}`);
    return new Scratch(directory, lock);
  } finally {
    gate?.release();
  }
}

const gateName = '.lock';

/** Deletes what processes have left that are gone. */
export async function sweepScratch(scratch: string): Promise<void> {
  const gate = await lockFile(`${scratch}/${gateName}`, 'exclusive');
  try {
    await sweep(scratch);
  } finally {
    gate?.release();
  }
}

/** Nobody makes a directory meanwhile: the caller holds the lock of the scratch. */
async function sweep(scratch: string): Promise<void> {
  for (const name of await readdir(bytePath(scratch), { encoding: 'latin1' })) {
    if (name === gateName) continue;
    const directory = `${scratch}/${name}`;
    const lock = await lockFile(`${directory}/lock`, 'exclusive', { wait: false });
    if (lock === undefined) continue;
    await removeTree(directory);
    lock.release();
  }
}

/** Field 22 of /proc/self/stat, in clock ticks since boot: with the pid it names a process for good. */
async function startTime(): Promise<string> {
  try {
    const text = await readFile('/proc/self/stat', 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '0';
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return '0';
    throw error;
  }
}
