/** Uploads that were opened to see whether that is allowed, for the next blobs that are sent. */
import { repositoryName } from './repository-name.js';
import type { Repository } from './types.js';
import type { Session } from './upload-session.js';

/** Milliseconds. Registries forget an upload that nothing was sent to after some minutes. */
const longestLife = 60_000;

interface Spare {
  readonly session: Session;
  /** performance.now() */
  readonly opened: number;
}

export class SpareSessions {
  readonly #spares = new Map<string, Spare>();

  put(where: Repository, session: Session): void {
    this.#spares.set(repositoryName(where), { session, opened: performance.now() });
  }

  /** Undefined when there is none that is fresh. It belongs to the caller from now on. */
  take(where: Repository): Session | undefined {
    const spare = this.#spares.get(repositoryName(where));
    if (spare === undefined || performance.now() - spare.opened > longestLife) return undefined;
    this.#spares.delete(repositoryName(where));
    return spare.session;
  }

  /** As `take`, for one that is to be abandoned: however old it is. */
  drop(where: Repository): Session | undefined {
    const spare = this.#spares.get(repositoryName(where));
    this.#spares.delete(repositoryName(where));
    return spare?.session;
  }
}
