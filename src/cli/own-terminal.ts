import { ReadStream } from 'node:tty';
import { firstInheritedFd, play } from '../sys/player.js';
import { addressOf, type Argument, type Operation } from '../sys/program.js';
import type { StepInput } from '../executor/types.js';
import { TsbuildError } from '../util/errors.js';
import type { CliContext } from './context.js';

/** The terminal of this process, lent to a step. */
export interface OwnTerminal {
  readonly input: Extract<StepInput, { kind: 'terminal' }>;
  /** From here on keys go to the step, and what it writes to the window, as they are. */
  enter(): Promise<void>;
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
    enter: async () => {
      stdin.setRawMode(true);
      await leaveOutputAlone();
    },
    leave: () => {
      stdin.setRawMode(false);
      stdin.pause();
    },
  };
}

/** Node's raw mode still puts a carriage return before each line feed (libuv, UV_TTY_MODE_RAW). */
async function leaveOutputAlone(): Promise<void> {
  const set = (request: number, modes: Argument): Operation => ({
    call: 'ioctl',
    args: [firstInheritedFd, request, modes],
    label: 'set the terminal',
  });
  const write: Operation = { call: 'write', args: [1, addressOf('modes'), termiosSize] };
  const slots = { modes: termiosSize };
  const ours = { fds: [standardInput] };
  const modes = await play({ operations: [set(TCGETS, addressOf('modes')), write, end], slots }, ours);
  modes.writeUInt32LE(modes.readUInt32LE(outputFlags) & ~OPOST, outputFlags);
  await play({ operations: [set(TCSETS, modes), end] }, ours);
}

const standardInput = 0;
const end: Operation = { call: 'exit_group', args: [0] };
/** ioctl_tty(2); struct termios of the kernel has 36 bytes, its second word is the flags of output. */
const [TCGETS, TCSETS, OPOST, termiosSize, outputFlags] = [0x5401, 0x5402, 1, 36, 4];

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
