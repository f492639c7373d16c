import { constants, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { errnoCode } from '../util/errors.js';

/** The most that a pipe can still hold when its writers are gone (/proc/sys/fs/pipe-max-size). */
const pipeCapacity = 1 << 20;

/** The reading end of a pipe that another process made. */
export class PipeReader {
  readonly #fd: number;
  readonly #socket: Socket;

  /** Opens descriptor `fd` of process `pid`, which must be a child that was not waited for. */
  constructor(
    pid: number,
    fd: number,
    readonly onChunk: (chunk: Uint8Array) => void,
  ) {
    this.#fd = openSync(`/proc/${pid}/fd/${fd}`, constants.O_RDONLY | constants.O_NONBLOCK);
    this.#socket = new Socket({ fd: this.#fd, readable: true, writable: false });
    this.#socket.on('data', onChunk);
    this.#socket.on('error', () => undefined);
  }

  /**
   * Reads what is left after all processes of the step have ended, and closes. It does not wait for the end of the
   * pipe: a descriptor that the step has sent out of the sandbox would keep that from coming.
   */
  finish(): void {
    if (this.#socket.destroyed || this.#socket.readableEnded) return;
    this.#socket.pause();
    const buffer = Buffer.alloc(65536);
    for (let total = 0; total < pipeCapacity;) {
      const size = readAvailable(this.#fd, buffer);
      if (size === 0) break;
      total += size;
      this.onChunk(Uint8Array.from(buffer.subarray(0, size)));
    }
    this.#socket.destroy();
  }
}

function readAvailable(fd: number, buffer: Uint8Array): number {
  try {
    return readSync(fd, buffer);
  } catch (error) {
    if (errnoCode(error) === 'EAGAIN') return 0;
    throw error;
  }
}
