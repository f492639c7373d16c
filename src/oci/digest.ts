import { createHash, type Hash } from 'node:crypto';
import type { Brand } from '../util/brand.js';

/** `sha256:<64 lower-case hex>` (image-spec descriptor.md, "Digests"). */
export type Digest = Brand<`sha256:${string}`, 'Digest'>;
/** Digest of a layer's uncompressed tar (image-spec config.md). */
export type DiffID = Digest & { readonly __diff: true };

const pattern = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && pattern.test(text);
}

/** The 64 hex digits: the only form of a digest that names files. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

export function digestOf(data: string | Uint8Array): Digest {
  return finishDigest(createHash('sha256').update(data));
}

/** Ends a running sha256 and names its value. */
export function finishDigest(hash: Hash): Digest {
  return `sha256:${hash.digest('hex')}` as Digest;
}
