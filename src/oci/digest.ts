import { createHash, type Hash } from 'node:crypto';
import type { Brand } from '../util/brand.js';
import { TsbuildError } from '../util/errors.js';

/** `sha256:<64 lower-case hex>` (image-spec descriptor.md, "Digests"). */
export type Digest = Brand<`sha256:${string}`, 'Digest'>;
/** Digest of a layer's uncompressed tar (image-spec config.md). */
export type DiffID = Digest & { readonly __diff: true };
/** Digest over a sequence of DiffIDs (image-spec config.md, "Layer ChainID"). */
export type ChainID = Digest & { readonly __chain: true };

const pattern = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && pattern.test(text);
}

/** Checks foreign text before it is used as a digest, a path or a URL. Throws `image` for anything but sha256. */
export function parseDigest(text: unknown): Digest {
  if (isDigest(text)) return text;
  throw new TsbuildError('image', `not a sha256 digest: ${JSON.stringify(text)?.slice(0, 100)}`);
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

/** ChainID of layers from the bottom up (image-spec config.md); undefined for no layer. */
export function chainIdOf(diffIds: readonly DiffID[]): ChainID | undefined {
  let chain: Digest | undefined;
  for (const diffId of diffIds) chain = chain === undefined ? diffId : digestOf(`${chain} ${diffId}`);
  return chain as ChainID | undefined;
}
