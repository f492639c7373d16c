import { TsbuildError } from '../util/errors.js';
import { brokenPipeExitCode, bugExitCode, signalExitCodes } from './exit-code-numbers.js';
import { aboutThisProcess } from './version.js';

type Signal = keyof typeof signalExitCodes;

export interface ProcessGuards {
  /** Aborted by the first signal that ends the process. */
  readonly signal: AbortSignal;
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
  const controller = new AbortController();
  let ending: { readonly code: number; readonly why: string } | undefined;

  const stop = (code: number, why: string): void => {
    ending = { code, why };
    controller.abort(new TsbuildError('cancelled', why));
  };
  const onSignal = (name: Signal): void => {
    if (ending !== undefined) leaveAtOnce(signalExitCodes[name]);
    stop(signalExitCodes[name], `stopped by ${name}`);
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal);
  guardStreams((error) => {
    if ('code' in error && error.code === 'EPIPE') return ending ?? stop(brokenPipeExitCode, '');
    void reportAndExit(error, 1);
  });
  const onStray = (error: unknown): void => {
    if (ending !== undefined && isAbort(error)) return;
    void reportAndExit(error, bugExitCode);
  };
  process.on('uncaughtException', onStray);
  process.on('unhandledRejection', onStray);
  process.on('beforeExit', () => {
    void reportAndExit(new Error('the process ran out of work before its command ended'), bugExitCode);
  });

  const finish = async (code: number): Promise<never> => {
    await flush();
    if (ending !== undefined && ending.why !== '') process.stderr.write(`${ending.why}\n`);
    return process.exit(ending?.code ?? code);
  };
  const fail = async (error: unknown): Promise<never> => {
    if (ending !== undefined) return finish(ending.code);
    const { exitCodeOf } = await import('./exit-codes.js');
    return reportAndExit(error, exitCodeOf(error));
  };
  return { signal: controller.signal, finish, fail };
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
