import type { Job } from '../progress/event.js';
import { TsbuildError } from '../util/errors.js';

/** What was damaged is gone when it is noticed: each further attempt finds less damage. */
const attempts = 16;

/**
 * Does `work` again when something of the store turned out to be damaged: what is missing is then fetched or made
 * again. `work` must be one that can be begun anew.
 */
export async function retryDamaged<T>(job: Job, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const isDamage = error instanceof TsbuildError && error.code === 'store' && error.damaged;
      if (!isDamage || attempt === attempts) throw error;
      job.emit({ kind: 'warning', message: `${error.message}; what is missing is made or fetched again` });
    }
  }
}
