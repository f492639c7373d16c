import { setImmediate as nextTurn } from 'node:timers/promises';

const longestTurn = 25;

/** Lets long synchronous work give the event loop a turn now and then. */
export class Turns {
  #start = performance.now();

  /** A promise to await when the work has run for 25 ms, otherwise nothing. */
  pause(): Promise<void> | undefined {
    return performance.now() - this.#start < longestTurn ? undefined : this.#next();
  }

  async #next(): Promise<void> {
    await nextTurn();
    this.#start = performance.now();
  }
}
