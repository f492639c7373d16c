import { createHash } from 'node:crypto';
import { finishDigest } from '../oci/digest.js';
import type { CacheKey, Recipe } from './types.js';

/** Raised when the meaning of a recipe changes: older records are then never found. */
const version = 'tsbuild-key-2';

/** A key: the recipe and its digest. Every part is prefixed with its length, so no two recipes share a preimage. */
export function makeKey(recipe: Recipe): CacheKey {
  const hash = createHash('sha256').update(version);
  for (const [label, value] of recipe) {
    for (const part of [label, value]) {
      const bytes = Buffer.from(part, 'utf8');
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(bytes.length));
      hash.update(length).update(bytes);
    }
  }
  return { digest: finishDigest(hash), recipe };
}
