import { bugExitCode } from './exit-code-numbers.js';
import { machineFailureHint } from '../progress/machine-failures.js';
import { exitCodes, TsbuildError } from '../util/errors.js';

/** What tsbuild's exit codes mean. They are part of its interface. */
export const exitCodeMeanings: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'success'],
  [1, 'the build or command failed'],
  [2, 'wrong usage, or something that tsbuild does not support'],
  [3, 'error in the Dockerfile'],
  [4, 'a RUN step failed'],
  [5, 'a registry failed or refused, or signing in failed'],
  [6, 'this machine offers no sandbox for RUN steps'],
  [7, 'a check of the Dockerfile failed'],
  [70, 'a bug of tsbuild'],
  [129, 'ended by SIGHUP'],
  [130, 'ended by SIGINT (Ctrl-C)'],
  [141, 'the reader of standard output went away'],
  [143, 'ended by SIGTERM'],
];

/** Exit code for a thrown value. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof TsbuildError) return exitCodes[error.code];
  return machineFailureHint(error) === undefined ? bugExitCode : exitCodes.build;
}
