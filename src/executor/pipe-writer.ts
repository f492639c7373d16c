import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';

/** Feeds a stream into a pipe that another process made. */
export class PipeWriter {
  readonly #socket: Socket;

  /** Opens descriptor `fd` of process `pid`, which must be a child that was not waited for. */
  constructor(
    pid: number,
    fd: number,
    readonly source: Readable,
  ) {
    const own = openSync(`/proc/${pid}/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
    this.#socket = new Socket({ fd: own, readable: false, writable: true });
    this.#socket.on('error', () => this.close()); // EPIPE: nobody reads any more
    source.pipe(this.#socket);
  }

  close(): void {
    this.source.unpipe(this.#socket);
    this.source.pause();
    this.#socket.destroy();
  }
}
