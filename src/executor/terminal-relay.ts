import { closeSync, constants, openSync, readSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { firstInheritedFd, play } from '../sys/player.js';
import type { Operation } from '../sys/program.js';
import { errnoCode } from '../util/errors.js';
import { linux } from './linux.js';
import type { StepInput } from './types.js';

type Terminal = Extract<StepInput, { kind: 'terminal' }>;

/** Our end of a step's terminal: what is typed goes in, what the step writes comes out. */
export class TerminalRelay {
  readonly #stream: ReadStream;
  readonly #stop: () => void;

  private constructor(
    readonly fd: number,
    /** The step's end, held open: when the last one is closed, Node may take what it has read for all there is. */
    readonly other: number,
    private readonly step: {
      readonly terminal: Terminal;
      readonly onOutput: (chunk: Uint8Array) => void;
    },
  ) {
    const { terminal, onOutput } = step;
    this.#stream = new ReadStream(fd);
    this.#stream.on('data', (chunk: Buffer) => onOutput(chunk));
    this.#stream.on('error', () => undefined);
    terminal.source.pipe(this.#stream);
    this.#stop = terminal.size.onChange(() => void resize(fd, terminal));
  }

  /** Makes the first terminal of the file system that process `pid` sees on /dev/pts. */
  static async open(
    pid: number,
    terminal: Terminal,
    onOutput: (chunk: Uint8Array) => void,
  ): Promise<TerminalRelay> {
    const flags = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK;
    const fd = openSync(`/proc/${pid}/root/dev/pts/ptmx`, flags);
    const unlock: Operation = {
      call: 'ioctl',
      args: [firstInheritedFd, linux.TIOCSPTLCK, new Uint8Array(4)],
      label: 'unlock the terminal',
    };
    await play({ operations: [unlock, setSize(terminal), { call: 'exit_group', args: [0] }] }, { fds: [fd] });
    const other = openSync(`/proc/${pid}/root/dev/pts/0`, constants.O_RDWR | constants.O_NOCTTY);
    return new TerminalRelay(fd, other, { terminal, onOutput });
  }

  /** Hands on what is left; to be called when all processes of the step have ended. */
  close(): void {
    const { terminal, onOutput } = this.step;
    this.#stop();
    terminal.source.unpipe(this.#stream);
    terminal.source.pause();
    this.#stream.pause();
    for (let chunk = readAvailable(this.fd); chunk.length > 0; chunk = readAvailable(this.fd))
      onOutput(chunk);
    closeSync(this.other);
    this.#stream.destroy();
  }
}

function readAvailable(fd: number): Uint8Array {
  const buffer = Buffer.alloc(4096);
  try {
    return buffer.subarray(0, readSync(fd, buffer));
  } catch (error) {
    if (errnoCode(error) === 'EAGAIN' || errnoCode(error) === 'EIO') return new Uint8Array();
    throw error;
  }
}

async function resize(fd: number, terminal: Terminal): Promise<void> {
  await play({ operations: [setSize(terminal), { call: 'exit_group', args: [0] }] }, { fds: [fd] });
}

/** struct winsize: rows, columns and two unused numbers. */
function setSize({ size }: Terminal): Operation {
  const { rows, columns } = size.current();
  const bytes = new Uint8Array(Uint16Array.of(rows, columns, 0, 0).buffer);
  return {
    call: 'ioctl',
    args: [firstInheritedFd, linux.TIOCSWINSZ, bytes],
    tolerate: 'any',
    label: 'set the size of the terminal',
  };
}
