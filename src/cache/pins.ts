import { hexOf, type Digest } from '../oci/digest.js';
import type { Store } from '../store/store.js';

/** Bucket of the keys whose results no collection deletes. */
export const pinsBucket = 'cache-pins';

export async function pin(store: Store, keys: readonly Digest[]): Promise<void> {
  for (const key of keys) await store.records(pinsBucket).put(hexOf(key), { pinned: true });
}

/** Keys that are not pinned are no failure. */
export async function unpin(store: Store, keys: readonly Digest[]): Promise<void> {
  for (const key of keys) await store.records(pinsBucket).delete(hexOf(key));
}
