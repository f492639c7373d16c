import { ReadStream } from 'node:tty';
import type { StepInput } from '../executor/types.js';
import { TsbuildError } from '../util/errors.js';
import type { CliContext } from './context.js';

/** The terminal of this process, lent to a step. */
export interface OwnTerminal {
  readonly input: Extract<StepInput, { kind: 'terminal' }>;
  /** From here on keys go to the step as they are. */
  enter(): void;
  leave(): void;
}

/** Throws `usage` where standard input or output is no terminal. */
export function ownTerminal({ stdin, stdout }: CliContext): OwnTerminal {
  if (!(stdin instanceof ReadStream) || !stdout.isTTY) {
    throw new TsbuildError('usage', 'standard input and output are no terminal', {
      hint: 'leave out -t or --debug-shell in scripts',
    });
  }
  return {
    input: {
      kind: 'terminal',
      source: stdin,
      size: {
        current: () => ({ rows: stdout.rows ?? 24, columns: stdout.columns ?? 80 }),
        onChange: (listener) => {
          stdout.on('resize', listener);
          return () => stdout.off('resize', listener);
        },
      },
    },
    enter: () => void stdin.setRawMode(true),
    leave: () => {
      stdin.setRawMode(false);
      stdin.pause();
    },
  };
}

const passed = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const;

/** Sends the signals of this process on to a step. Those that come before it is started end this process as usual. */
export function passSignals({ self }: CliContext): {
  readonly onStarted: (signal: (name: NodeJS.Signals) => void) => void;
  readonly stop: () => void;
} {
  let send: ((name: NodeJS.Signals) => void) | undefined;
  const forward = (name: NodeJS.Signals): void => send?.(name);
  return {
    onStarted: (signal) => {
      send = signal;
      self?.handOver();
      for (const name of passed) process.on(name, forward);
    },
    stop: () => {
      for (const name of passed) process.off(name, forward);
    },
  };
}
