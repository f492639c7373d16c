/** Runs tsbuild as users do: its command line, built from this checkout, on a store of the test's own. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram, startProgram } from './programs.js';
import type { Ended, Running, RunOptions } from './programs.js';
import { projectRoot } from './project.js';
import { makeScratch, removeScratch, writeFiles } from './scratch.js';
import type { FileOf } from './scratch.js';

/** The shipped launcher and its bundle; with TSBUILD_OUT the same code as tsc compiled it into that folder. */
const out = process.env['TSBUILD_OUT'];
const launcher =
  out === undefined
    ? join(projectRoot, 'bin/tsbuild.js')
    : join(projectRoot, out, 'test/helpers/run-compiled.js');

/** Whether the command line was built. */
export const hasCommandLine: boolean =
  existsSync(launcher) && (out !== undefined || existsSync(join(projectRoot, 'dist/bundle/main.cjs')));

/** Variables of the caller that would change what a build says or does. */
const cleared: Readonly<Record<string, undefined>> = {
  CI: undefined,
  NO_COLOR: undefined,
  FORCE_COLOR: undefined,
  SOURCE_DATE_EPOCH: undefined,
  BUILDKIT_PROGRESS: undefined,
  DOCKER_CONFIG: undefined,
  REGISTRY_AUTH_FILE: undefined,
};

/** A folder of a test with a store in it. Commands run in `folder`. */
export interface Workspace {
  readonly folder: string;
  /** TSBUILD_ROOT of its commands. */
  readonly store: string;
  /** Writes files below `folder`. */
  write(files: Readonly<Record<string, FileOf>>): void;
  path(...parts: readonly string[]): string;
  /** Runs `tsbuild …args` to its end. */
  tsbuild(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** What runs `tsbuild …args`, for those who start it by another program; the folder and the store are theirs to name. */
  commandLine(args: readonly string[]): readonly string[];
  /** Starts `tsbuild …args`. */
  start(args: readonly string[], options?: RunOptions): Running;
  remove(): Promise<void>;
}

export function makeWorkspace(label = 'e2e'): Workspace {
  const folder = makeScratch(label);
  const store = join(folder, '.store');
  const complete = (options: RunOptions): RunOptions => ({
    cwd: folder,
    ...options,
    env: { ...cleared, TSBUILD_ROOT: store, ...options.env },
  });
  const argv = (args: readonly string[]): readonly string[] => [process.execPath, launcher, ...args];
  return {
    folder,
    store,
    write: (files) => writeFiles(folder, files),
    path: (...parts) => join(folder, ...parts),
    commandLine: argv,
    tsbuild: (args, options = {}) => runProgram(argv(args), complete(options)),
    start: (args, options = {}) => startProgram(argv(args), complete(options)),
    remove: () => removeScratch(folder),
  };
}

/** What plain progress says of each step that was looked up: `CACHED` ones, and those that ran. */
export interface StepVerdicts {
  readonly cached: readonly string[];
  readonly ran: readonly string[];
}

/**
 * Reads `--progress plain`: `#4 [build 2/3] RUN make` names a step; a line `#4 CACHED` or `#4 DONE 0.1s` is its
 * verdict. Steps that are not instructions (`[internal] …`, `exporting …`) are left out.
 */
export function stepVerdicts(output: string): StepVerdicts {
  const names = new Map<string, string>();
  const cached = new Set<string>();
  for (const line of output.split('\n')) {
    const [, number, text] = /^#(\d+) (.*)$/.exec(line) ?? [];
    if (number === undefined || text === undefined) continue;
    if (!names.has(number)) names.set(number, text);
    if (text === 'CACHED') cached.add(number);
  }
  const steps = [...names].filter(([, name]) => /^\[(?!internal)[^\]]*\d+\/\d+\] /.test(name));
  const instruction = (name: string): string => name.replace(/^\[[^\]]*\] /, '');
  return {
    cached: steps.filter(([number]) => cached.has(number)).map(([, name]) => instruction(name)),
    ran: steps.filter(([number]) => !cached.has(number)).map(([, name]) => instruction(name)),
  };
}
