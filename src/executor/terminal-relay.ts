import { constants, openSync, readSync } from 'node:fs';
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
    readonly terminal: Terminal,
    readonly onOutput: (chunk: Uint8Array) => void,
  ) {
    this.#stream = new ReadStream(fd);
    this.#stream.on('data', (chunk: Buffer) => onOutput(chunk));
    this.#stream.on('error', () => undefined); // EIO: nobody holds the other end any more
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
    return new TerminalRelay(fd, terminal, onOutput);
  }

  /** Hands on what is left; to be called when all processes of the step have ended. */
  close(): void {
    this.#stop();
    this.terminal.source.unpipe(this.#stream);
    this.terminal.source.pause();
    if (this.#stream.destroyed) return; // it was read to its end
    this.#stream.pause();
    for (let chunk = readAvailable(this.fd); chunk.length > 0; chunk = readAvailable(this.fd))
      this.onOutput(chunk);
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
