import { Readable, Writable } from 'node:stream';
import type { CliContext } from '../../src/cli/context.js';
import { dispatch } from '../../src/cli/dispatch.js';

/** A stream that keeps what is written. */
export class TextStream extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process on the store at `root`. What the command throws is thrown. */
export async function runCli(
  root: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input = '',
): Promise<CliRun> {
  const stdout = new TextStream();
  const stderr = new TextStream();
  const context: CliContext = {
    env: { TSBUILD_ROOT: root, ...env },
    stdout,
    stderr,
    stdin: Readable.from(input === '' ? [] : [Buffer.from(input)]),
    cwd: root,
    signal: new AbortController().signal,
  };
  const code = await dispatch(args, context);
  return { code, stdout: stdout.text, stderr: stderr.text };
}
