import { digestOf } from '../../oci/digest.js';
import type { Descriptor } from '../../oci/types.js';
import { TsbuildError } from '../../util/errors.js';

/** Reads a small blob whole and compares it with its descriptor. Throws `image` when it is larger than `limit` bytes. */
export async function readBlob(
  open: (blob: Descriptor) => AsyncIterable<Uint8Array>,
  blob: Descriptor,
  limit: number,
): Promise<Buffer> {
  if (blob.size > limit)
    throw new TsbuildError('image', `${blob.digest} has ${blob.size} bytes, more than ${limit}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of open(blob)) {
    size += chunk.length;
    if (size > blob.size) break;
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  if (size === blob.size && digestOf(bytes) === blob.digest) return bytes;
  throw new TsbuildError('image', `${blob.digest} has other bytes than its name says`);
}
