import { formatReference, parseReference, withDefaultTag } from '../oci/reference.js';
import { equalPlatforms, formatPlatform, hostPlatform, type Platform } from '../oci/platform.js';
import { shownName } from '../progress/shown-name.js';
import { imagesOf, type ImageTarget, type Reference, type StoredImage } from '../store/references.js';
import type { Store } from '../store/store.js';
import { TsbuildError } from '../util/errors.js';
import { didYouMean } from './did-you-mean.js';

/** `0123456789ab`: how a digest is shown where there is little room. */
export function shortDigest(digest: string): string {
  return digest.slice('sha256:'.length, 'sha256:'.length + 12);
}

/**
 * The names that a text means: the one that it spells, or all those of the image whose id (config digest, manifest
 * digest, or at least four of their digits) it is. Throws `image` when there is none or the digits fit several images.
 */
export async function findReferences(store: Store, text: string): Promise<readonly Reference[]> {
  const byName = await named(store, text);
  if (byName !== undefined) return [byName];
  const all = await store.references.list();
  const matching = all.filter(({ target }) => digestsOf(target).some((digest) => isPrefix(text, digest)));
  if (matching.length === 0) throw unknownImage(text, all);
  const [first] = matching;
  const ids = new Set(matching.map(({ target }) => idOf(target)));
  if (first === undefined || ids.size > 1) {
    throw new TsbuildError('image', `${JSON.stringify(text)} is the beginning of ${ids.size} image ids`, {
      hint: 'give more digits',
    });
  }
  return matching;
}

/**
 * What a text means, and its names: the image or the index of a name, or the image whose id the text is. Throws
 * `image`.
 */
export async function findTarget(
  store: Store,
  text: string,
): Promise<{ readonly target: ImageTarget; readonly names: readonly string[] }> {
  const references = await findReferences(store, text);
  const names = references.map(({ name }) => name);
  const [first] = references;
  if (first === undefined) throw new Error('a search that found nothing did not fail');
  return { target: imageById(references, text) ?? first.target, names };
}

/**
 * One image, and its names. Of a name for several platforms it is the one for `platform`, by default the machine's
 * own. Throws `image`.
 */
export async function findImage(
  store: Store,
  text: string,
  platform: Platform | undefined,
): Promise<{ readonly image: StoredImage; readonly names: readonly string[] }> {
  const references = await findReferences(store, text);
  const images = references.flatMap(({ target }) => imagesOf(target));
  const byId = imageById(references, text);
  const names = references.map(({ name }) => name);
  if (byId !== undefined && platform === undefined) return { image: byId, names };
  const [only] = images;
  if (only !== undefined && images.length === 1 && platform === undefined) return { image: only, names };
  const wanted = platform ?? hostPlatform();
  const image = images.find((candidate) => equalPlatforms(candidate.platform, wanted));
  if (image !== undefined) return { image, names };
  const there = images.map((candidate) => formatPlatform(candidate.platform)).join(', ');
  throw new TsbuildError('image', `${JSON.stringify(text)} has no image for ${formatPlatform(wanted)}`, {
    hint: `choose with --platform; there are: ${there}`,
  });
}

function imageById(references: readonly Reference[], text: string): StoredImage | undefined {
  return references
    .flatMap(({ target }) => imagesOf(target))
    .find(({ config, manifest }) => isPrefix(text, config) || isPrefix(text, manifest.digest));
}

/** What names a target in lists: the config digest, or the index digest of several platforms. */
export function idOf(target: Reference['target']): string {
  return target.kind === 'index' ? target.index.digest : target.config;
}

async function named(store: Store, text: string): Promise<Reference | undefined> {
  try {
    return await store.references.get(formatReference(withDefaultTag(parseReference(text))));
  } catch (error) {
    if (error instanceof TsbuildError && error.code === 'usage') return undefined;
    throw error;
  }
}

function digestsOf(target: Reference['target']): readonly string[] {
  const own = imagesOf(target).flatMap(({ config, manifest }) => [config, manifest.digest]);
  return target.kind === 'index' ? [target.index.digest, ...own] : own;
}

function isPrefix(text: string, digest: string): boolean {
  const hex = text.startsWith('sha256:') ? text.slice('sha256:'.length) : text;
  return /^[0-9a-f]{4,64}$/.test(hex) && digest.startsWith(`sha256:${hex}`);
}

function unknownImage(text: string, all: readonly Reference[]): TsbuildError {
  const meant = didYouMean(
    text,
    all.map(({ name }) => shownName(name)),
  );
  return new TsbuildError('image', `the store has no image ${JSON.stringify(text.slice(0, 200))}`, {
    hint: meant === undefined ? 'tsbuild images lists what there is' : `did you mean ${meant}?`,
  });
}
