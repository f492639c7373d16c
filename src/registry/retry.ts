import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, StepId } from '../progress/event.js';
import { cancelled, isTransient, type RegistryFailure } from './failure.js';
import type { RetryOptions } from './types.js';

const longestDelay = 30_000;
/** The longest wait that a registry may ask for; when it asks for more, the failure is reported. */
const longestRequested = 60_000;

/** Counts attempts of one operation and waits between them, never silently. */
export class Attempts {
  #left: number;
  #delay: number;

  constructor(
    private readonly options: RetryOptions,
    private readonly job: Job,
    private readonly step?: StepId,
  ) {
    this.#left = options.attempts;
    this.#delay = options.delay;
  }

  /** Counts anew: the operation got somewhere. */
  progressed(): void {
    this.#left = this.options.attempts;
    this.#delay = this.options.delay;
  }

  /** Waits before another attempt, or throws `error` when it is final or the attempts are used up. */
  async again(error: unknown): Promise<RegistryFailure> {
    if (this.job.signal.aborted) throw cancelled(error);
    if (!isTransient(error) || this.#left === 0 || (error.retryAfter ?? 0) > longestRequested) throw error;
    this.#left--;
    const delay = Math.max(error.retryAfter ?? 0, jittered(this.#delay));
    this.#delay = Math.min(this.#delay * 2, longestDelay);
    const wait = delay < 950 ? '' : ` in ${Math.round(delay / 1000)} s`;
    this.job.emit({ kind: 'warning', step: this.step, message: `${error.message}; trying again${wait}` });
    try {
      await sleep(delay, undefined, { signal: this.job.signal });
    } catch (reason) {
      throw cancelled(reason);
    }
    return error;
  }
}

/** Runs an operation that may be repeated until it succeeds, fails for good or the attempts are used up. */
export async function withRetries<T>(attempts: Attempts, operation: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await operation();
    } catch (error) {
      await attempts.again(error);
    }
  }
}

/** Between half and the whole: clients that failed together do not come back together. */
function jittered(delay: number): number {
  return delay * (0.5 + Math.random() / 2);
}
