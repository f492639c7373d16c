import { isIndexType, isManifestType } from '../oci/media-types.js';
import type { Platform } from '../oci/platform.js';
import type { Descriptor, DescriptorPlatform, Index } from '../oci/types.js';

/**
 * The member of an index for a platform, by containerd's rules: the variant that was asked for, else the best one
 * that the machine can run (arm v7 → v6 → v5, amd64 v3 → v2 → v1). A member without a platform counts only when it
 * is the only image. Attestations and other artifacts are never chosen.
 */
export function choosePlatform(index: Index, wanted: Platform): Descriptor | undefined {
  const images = index.manifests.filter(isImage);
  for (const variant of runnableVariants(wanted.architecture, wanted.variant)) {
    const found = images.find(
      ({ platform }) =>
        platform !== undefined &&
        platform.os === wanted.os &&
        platform.architecture === wanted.architecture &&
        variantOf(platform) === variant &&
        (wanted.osVersion === undefined || platform['os.version'] === wanted.osVersion),
    );
    if (found !== undefined) return found;
  }
  return images.length === 1 && images[0]?.platform === undefined ? images[0] : undefined;
}

/** Variants that run on a machine, the best first. '' stands for none given where none is implied. */
export function runnableVariants(architecture: string, variant: string | undefined): readonly string[] {
  const best = variant ?? impliedVariant(architecture);
  const lowest = { arm: 5, arm64: 8, amd64: 1 }[architecture];
  const number = /^v(\d+)$/.exec(best)?.[1];
  if (lowest === undefined || number === undefined) return [best];
  const count = Number(number) - lowest + 1;
  return count > 0 && count < 10 ? Array.from({ length: count }, (_, i) => `v${Number(number) - i}`) : [best];
}

function impliedVariant(architecture: string): string {
  return { arm: 'v7', arm64: 'v8', amd64: 'v1' }[architecture] ?? '';
}

function variantOf({ architecture, variant }: DescriptorPlatform): string {
  if (variant === undefined || variant === '') return impliedVariant(architecture);
  return /^\d/.test(variant) ? `v${variant}` : variant;
}

function isImage({ mediaType, platform, annotations }: Descriptor): boolean {
  if (!isManifestType(mediaType) && !isIndexType(mediaType)) return false;
  return platform?.os !== 'unknown' && annotations?.['vnd.docker.reference.type'] === undefined;
}
