import { open } from 'node:fs/promises';
import { TsbuildError } from '../util/errors.js';

const chunkSize = 256 * 1024;

/** A file that is being written, for those who read along. */
export class FollowedFile {
  #saved = 0;
  #state: 'growing' | 'complete' | 'given up' = 'growing';
  #wake: () => void = () => undefined;
  #change = this.#nextChange();

  constructor(private path: string) {}

  /** More bytes are in the file. */
  grew(bytes: number): void {
    this.#saved += bytes;
    this.#tell();
  }

  /** All bytes are there, and the file has another name. */
  completed(path: string): void {
    this.path = path;
    this.#state = 'complete';
    this.#tell();
  }

  /** Nothing more will come. After `completed` it means nothing. */
  givenUp(): void {
    if (this.#state === 'growing') this.#state = 'given up';
    this.#tell();
  }

  /** The bytes from `offset` on, as they come; ends with the last one. Throws `store` when the file is given up. */
  async *read(offset = 0): AsyncGenerator<Uint8Array, void> {
    const handle = await open(this.path, 'r');
    try {
      for (let position = offset; ;) {
        if (position < this.#saved) {
          const length = Math.min(chunkSize, this.#saved - position);
          const { bytesRead, buffer } = await handle.read(
            Buffer.allocUnsafeSlow(length),
            0,
            length,
            position,
          );
          position += bytesRead;
          yield buffer.subarray(0, bytesRead);
        } else if (this.#state === 'complete') return;
        else if (this.#state === 'given up')
          throw new TsbuildError('store', 'a blob was not written to its end');
        else await this.#change;
      }
    } finally {
      await handle.close();
    }
  }

  #tell(): void {
    const wake = this.#wake;
    this.#change = this.#nextChange();
    wake();
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}
