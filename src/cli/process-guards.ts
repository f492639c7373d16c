import { errnoCode, exitCodes, TsbuildError } from '../util/errors.js';
import { brokenPipeExitCode, bugExitCode, signalExitCodes } from './exit-code-numbers.js';
import { aboutThisProcess } from './version.js';

type Signal = keyof typeof signalExitCodes;

export interface ProcessGuards {
  /** Aborted by the first signal that ends the process. */
  readonly signal: AbortSignal;
  /** Signals are ignored from now on: another process has taken over, and they are its own. */
  handOver(): void;
  /** Ends the process after everything was written. A signal that came before decides the code. */
  finish(code: number): Promise<never>;
  /** Reports what a command threw and ends the process. */
  fail(error: unknown): Promise<never>;
}

const showCursor = '\u001b[?25h';

/**
 * Takes over what can happen to the process besides its command: signals (the second one ends it at once), a
 * reader that goes away, errors that nobody caught, and an event loop that runs empty before the command ended.
 */
export function guardProcess(): ProcessGuards {
  const guards = new Guards();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => guards.onSignal(name));
  guardStreams((error) => guards.onOutputError(error));
  process.on('uncaughtException', (error) => guards.onStray(error));
  process.on('unhandledRejection', (reason) => guards.onStray(reason));
  process.on('beforeExit', () => {
    void reportAndExit(new Error('the process ran out of work before its command ended'), bugExitCode);
  });
  return guards;
}

class Guards implements ProcessGuards {
  readonly #controller = new AbortController();
  #handedOver = false;
  /** Why the command was told to end; the first reason decides the exit code. */
  #ending: { readonly code: number; readonly why: string } | undefined;
  /** Standard output cannot be written: that is being reported, and then the process ends. */
  #outputFailed: Promise<never> | undefined;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  handOver(): void {
    this.#handedOver = true;
  }

  onSignal(name: Signal): void {
    if (this.#handedOver) return;
    if (this.#ending !== undefined) leaveAtOnce(signalExitCodes[name]);
    this.#stop(signalExitCodes[name], `stopped by ${name}`);
  }

  onOutputError(error: Error): void {
    const code = errnoCode(error);
    if (code !== 'EPIPE') this.#outputFailed ??= reportAndExit(outputFailure(error, code), exitCodes.build);
    else if (this.#ending === undefined) this.#stop(brokenPipeExitCode, '');
  }

  /** An error that nobody caught; what the end of a command breaks off is none. */
  onStray(error: unknown): void {
    if (this.#ending === undefined || !isAbort(error)) void reportAndExit(error, bugExitCode);
  }

  async finish(code: number): Promise<never> {
    await flush();
    if (this.#outputFailed !== undefined) return this.#outputFailed;
    if (this.#ending !== undefined && this.#ending.why !== '') process.stderr.write(`${this.#ending.why}\n`);
    return process.exit(this.#ending?.code ?? code);
  }

  async fail(error: unknown): Promise<never> {
    if (this.#ending !== undefined) return this.finish(this.#ending.code);
    const { exitCodeOf } = await import('./exit-codes.js');
    return reportAndExit(error, exitCodeOf(error));
  }

  #stop(code: number, why: string): void {
    this.#ending = { code, why };
    this.#controller.abort(new TsbuildError('cancelled', why));
  }
}

function outputFailure(cause: Error, code: string | undefined): TsbuildError {
  const why = code === 'ENOSPC' ? 'no space is left there' : (code ?? cause.message);
  return new TsbuildError('build', `cannot write standard output: ${why}`, {
    hint: 'redirect it to another place',
    cause,
  });
}

/** Errors of standard error have nobody to be told to. */
function guardStreams(onOutputError: (error: Error) => void): void {
  process.stdout.on('error', onOutputError);
  process.stderr.on('error', () => undefined);
}

async function reportAndExit(error: unknown, code: number): Promise<never> {
  const [{ formatError }, { wantsColor }] = await Promise.all([
    import('../progress/report-error.js'),
    import('./color.js'),
  ]);
  await flush();
  if (process.stderr.isTTY) process.stderr.write(showCursor);
  const color = wantsColor(process.stderr, process.env);
  process.stderr.write(formatError(error, { color, about: aboutThisProcess() }));
  return process.exit(code);
}

function leaveAtOnce(code: number): never {
  if (process.stderr.isTTY) process.stderr.write(showCursor);
  process.exit(code);
}

/** Standard output may be a pipe or file that takes time. */
function flush(): Promise<void> {
  return new Promise((resolve) => process.stdout.write('', () => resolve()));
}

function isAbort(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.name === 'AbortError' || (error instanceof TsbuildError && error.code === 'cancelled'))
  );
}
