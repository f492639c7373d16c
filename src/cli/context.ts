import type { Readable, Writable } from 'node:stream';

/** A stream that commands write to; a terminal knows its size. */
export type OutputStream = Writable & {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
};

/** This process as a command that can be run again in another place. */
export interface SelfProcess {
  /** Path of the executable and its arguments. */
  readonly argv: readonly [path: string, ...args: string[]];
  /** From now on signals concern the process that was started instead. */
  handOver(): void;
}

/** Everything of the process that a command may touch. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Results: what a script reads. */
  readonly stdout: OutputStream;
  /** Progress, warnings and errors. */
  readonly stderr: OutputStream;
  readonly stdin: Readable;
  /** Absolute path against which the arguments are resolved. */
  readonly cwd: string;
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
  /** Undefined where commands run inside another program: then it cannot be run again. */
  readonly self?: SelfProcess | undefined;
}
