import { createReadStream } from 'node:fs';
import type { StoredBlob } from '../store/blob-writer.js';
import type { Store } from '../store/store.js';

/** A blob of the store from an offset on. A part cannot be compared with the digest: who gets it does that with the whole. */
export function blobFrom(
  store: Store,
  { digest, size }: StoredBlob,
  offset: number,
): AsyncIterable<Uint8Array> {
  if (offset === 0) return store.blobs.open(digest, size);
  return createReadStream(store.blobs.path(digest), { start: offset, highWaterMark: 1 << 18 });
}
