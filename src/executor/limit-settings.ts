/** What is written into the files of a control group. Pure. */
import { linux } from './linux.js';
import type { Controller, Hierarchy } from './limit-hierarchies.js';
import type { StepLimits, Ulimit } from './types.js';

export interface GroupSetting {
  readonly file: string;
  readonly value: string;
  /** Kernels without this file, or without swap accounting, are fine. */
  readonly optional: boolean;
}

/** Docker has no such limit by default; without one a runaway step takes the machine's process table. */
const defaultPids = 32768;
/** Microseconds (cpu.max, cpu.cfs_period_us). */
const period = 100_000;

/** The settings of one hierarchy for these limits. Memory counts with swap, as a step that swaps is not bounded. */
export function groupSettings(
  { version, controllers }: Hierarchy,
  limits: StepLimits,
): readonly GroupSetting[] {
  const table: Readonly<Record<Controller, readonly GroupSetting[]>> = {
    memory: limits.memory === undefined ? [] : memorySettings[version](`${limits.memory}`),
    pids: [
      // init is one of them
      { file: 'pids.max', value: `${(limits.pids ?? defaultPids) + 2}`, optional: limits.pids === undefined },
    ],
    cpu: limits.cpus === undefined ? [] : cpuSettings[version](`${Math.round(limits.cpus * period)}`),
  };
  return controllers.flatMap((controller) => table[controller]);
}

type Settings = Readonly<Record<1 | 2, (value: string) => readonly GroupSetting[]>>;

const memorySettings: Settings = {
  1: (bytes) => [
    { file: 'memory.limit_in_bytes', value: bytes, optional: false },
    { file: 'memory.memsw.limit_in_bytes', value: bytes, optional: true },
  ],
  2: (bytes) => [
    { file: 'memory.max', value: bytes, optional: false },
    { file: 'memory.swap.max', value: '0', optional: true },
    { file: 'memory.oom.group', value: '1', optional: true },
  ],
};

const cpuSettings: Settings = {
  1: (quota) => [
    { file: 'cpu.cfs_period_us', value: `${period}`, optional: false },
    { file: 'cpu.cfs_quota_us', value: quota, optional: false },
  ],
  2: (quota) => [{ file: 'cpu.max', value: `${quota} ${period}`, optional: false }],
};

/** Where memory cannot be bounded as a whole, the address space of each process is. */
export function addressSpaceLimit(memory: number): Ulimit {
  return { resource: linux.RLIMIT_AS, soft: BigInt(memory), hard: BigInt(memory) };
}

/** Limits of setrlimit(2) by the names that Docker's --ulimit knows; numbers are those of asm-generic/resource.h. */
export const ulimitNames: ReadonlyMap<string, number> = new Map([
  ['cpu', 0],
  ['fsize', 1],
  ['data', 2],
  ['stack', 3],
  ['core', 4],
  ['rss', 5],
  ['nproc', 6],
  ['nofile', 7],
  ['memlock', 8],
  ['locks', 10],
  ['sigpending', 11],
  ['msgqueue', 12],
  ['nice', 13],
  ['rtprio', 14],
  ['rttime', 15],
]);
