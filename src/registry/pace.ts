import type { TimeoutOptions } from './types.js';

/** A transfer that stood still or crawled. */
export class Stalled extends Error {
  readonly code = 'ESTALLED';
}

/**
 * Watches the speed of one transfer. Only the time spent waiting for the other side counts, so that a slow consumer
 * of ours never ends a transfer. Timers and `performance.now` are monotonic: clock changes do not matter.
 */
export class Pace {
  #waited = 0;
  #bytes = 0;

  constructor(private readonly limits: Pick<TimeoutOptions, 'idle' | 'rateWindow' | 'minimumRate'>) {}

  /** Waits for the other side; throws Stalled when it is idle for too long or too slow. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    const start = performance.now();
    const value = await withDeadline(promise, this.limits.idle);
    this.#waited += performance.now() - start;
    if (this.#waited >= this.limits.rateWindow) this.#closeWindow();
    return value;
  }

  /** Counts bytes that moved. */
  moved(bytes: number): void {
    this.#bytes += bytes;
  }

  #closeWindow(): void {
    const rate = this.#bytes / (this.#waited / 1000);
    if (rate < this.limits.minimumRate) {
      throw new Stalled(`only ${Math.round(rate)} bytes per second arrived over ${seconds(this.#waited)}`);
    }
    this.#waited = 0;
    this.#bytes = 0;
  }
}

/** The promise, or Stalled after so many milliseconds. */
export async function withDeadline<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Stalled(`nothing happened for ${seconds(milliseconds)}`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 100) / 10} s`;
}
