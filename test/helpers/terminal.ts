/** Runs commands on a terminal. */
import { join } from 'node:path';
import { isJsonObject } from '../../src/oci/json-guards.js';
import { projectRoot } from './project.js';
import { findProgram, runProgram, type RunOptions } from './programs.js';

/** What is done in turn: wait for output that matches, type, change the size of the window. */
export type TerminalStep =
  | readonly ['expect', string]
  | readonly ['send', string]
  | readonly ['resize', rows: number, columns: number];

export interface TerminalEnd {
  readonly output: string;
  /** 128 + n after signal n. */
  readonly code: number;
  /** Whether the terminal has the modes that it began with. */
  readonly restored: boolean;
  /** What was not reached, or `timeout`. */
  readonly failure: string | undefined;
}

const python = findProgram('python3');
export const hasTerminal: boolean = python !== undefined;

/** Runs a command on a new terminal of 24 rows and 80 columns until it ends; one that hangs is killed. */
export async function onTerminal(
  argv: readonly string[],
  steps: readonly TerminalStep[],
  options: RunOptions = {},
): Promise<TerminalEnd> {
  const script = join(projectRoot, 'test/helpers/terminal.py');
  const { stdout, output } = await runProgram([python ?? '', script, '24', '80', ...argv], {
    ...options,
    input: JSON.stringify(steps),
  });
  const ended: unknown = output === '' ? undefined : JSON.parse(stdout);
  if (!isJsonObject(ended)) throw new Error(output);
  const { failure } = ended;
  return {
    output: String(ended['output']),
    code: Number(ended['code']),
    restored: ended['restored'] === true,
    failure: typeof failure === 'string' ? failure : undefined,
  };
}
