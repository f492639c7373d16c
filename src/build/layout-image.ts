import type { ResolvedImage } from '../graph/lower/lowering.js';
import { isDigest, type Digest } from '../oci/digest.js';
import { equalPlatforms, formatPlatform, type Platform } from '../oci/platform.js';
import { imagesOf } from '../store/references.js';
import type { Store } from '../store/store.js';
import { TsbuildError } from '../util/errors.js';
import { resolvedImage } from './image-resolver.js';

/** An image of an OCI image layout on disk. */
export interface LayoutReference {
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

/** `PATH`, `PATH:TAG`, `PATH@sha256:…` or both. Throws `usage`. */
export function parseLayout(text: string): LayoutReference {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest))
    throw new TsbuildError('usage', `${JSON.stringify(digest)} is no sha256 digest`);
  const named = at < 0 ? text : text.slice(0, at);
  const [, path = named, tag] = /^(.*):([A-Za-z0-9_][\w.-]*)$/.exec(named) ?? [];
  if (path === '') throw new TsbuildError('usage', 'oci-layout:// needs the path of a folder');
  return { path, tag, digest };
}

/** Takes an image of a layout into the store. Throws `archive` and `image`, also when it is not for the platform. */
export async function layoutImage(
  { path, tag, digest }: LayoutReference,
  store: Store,
  platform: Platform,
): Promise<ResolvedImage> {
  const name = `oci-layout://${path}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
  const { loadLayoutImage } = await import('../image/load-archive.js');
  const target = await loadLayoutImage(path, store, { tag, digest });
  const images = imagesOf(target);
  const image = images.find((one) => equalPlatforms(one.platform, platform));
  if (image !== undefined) return resolvedImage(store, name, image);
  throw new TsbuildError('image', `${name} is not for ${formatPlatform(platform)}`, {
    hint: `it is for ${images.map((one) => formatPlatform(one.platform)).join(', ')}`,
  });
}
