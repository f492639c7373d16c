import type { Readable, Writable } from 'node:stream';

/** A stream that commands write to; a terminal knows its size. */
export type OutputStream = Writable & {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
};

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
}
