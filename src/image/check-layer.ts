import { createHash } from 'node:crypto';
import { detectCompression, headSize, type CompressionKind } from '../layers/compression.js';
import { decompress } from '../layers/decompress.js';
import { finishDigest, type DiffID } from '../oci/digest.js';
import type { StoredBlob } from '../store/blob-writer.js';
import type { Store } from '../store/store.js';
import { TsbuildError } from '../util/errors.js';
import { rereadable } from './rereadable.js';

/**
 * Reads a layer blob of the store once and compares what it unpacks to with the DiffID. Gives its compression, found by
 * its bytes. Throws `image` when it is another layer.
 */
export async function checkLayer(blob: StoredBlob, diffId: DiffID, store: Store): Promise<CompressionKind> {
  const { head, whole } = await rereadable(store.blobs.open(blob.digest, blob.size), headSize);
  const kind = detectCompression(head);
  const hash = createHash('sha256');
  for await (const chunk of decompress(whole, kind)) hash.update(chunk);
  const found = finishDigest(hash);
  if (found === diffId) return kind;
  throw new TsbuildError(
    'image',
    `the layer ${blob.digest} unpacks to ${found}, but the config lists ${diffId}`,
  );
}
