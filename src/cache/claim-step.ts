import { hexOf, type Digest } from '../oci/digest.js';
import type { Store } from '../store/store.js';

/**
 * Takes a step for this process, by its content key; resolves to what gives it back. While another process holds it,
 * `onWait` is called once and the promise waits. A holder that ends, however it ends, gives it back at once.
 */
export type ClaimStep = (
  key: Digest,
  options: { readonly signal: AbortSignal; readonly onWait: () => void },
) => Promise<() => void>;

/** Claims by locks of the store. A claim is held around one execution only, with its inputs solved: no cycle can form. */
export function stepClaims(store: Store): ClaimStep {
  return async (key, { signal, onWait }) => {
    const name = `step-${hexOf(key)}`;
    const free = await store.lock(name, 'exclusive', { wait: false, signal });
    if (free !== undefined) return () => free.release();
    onWait();
    const taken = await store.lock(name, 'exclusive', { signal });
    return () => taken?.release();
  };
}
