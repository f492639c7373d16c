import { createHash } from 'node:crypto';
import { finishDigest } from '../../oci/digest.js';
import type { Descriptor } from '../../oci/types.js';
import { TsbuildError } from '../../util/errors.js';

/** A blob's bytes as they arrive; throws `image` at the end when they are others, and as soon as they are too many. */
export async function* verified(
  source: AsyncIterable<Uint8Array>,
  { digest, size }: Descriptor,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of source) {
    length += chunk.length;
    if (length > size) break;
    hash.update(chunk);
    yield chunk;
  }
  if (length !== size || finishDigest(hash) !== digest)
    throw new TsbuildError('image', `the blob ${digest} has other bytes than its name says`);
}
