import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../oci/canonical-json.js';
import { mediaTypes } from '../oci/media-types.js';
import { maxDocumentSize } from '../oci/strict-json.js';
import type { Descriptor, Index } from '../oci/types.js';
import { parseManifest } from '../oci/validate.js';
import type { Blobs } from './blobs.js';
import { publishFile } from './publish.js';
import { imagesOf, type Reference, type StoredImage } from './references.js';

const layoutFile = 'oci-layout';
const indexFile = 'index.json';

/**
 * Writes `oci-layout` and `index.json` (image-spec image-layout.md) for those references all of whose blobs are here.
 * The caller holds the lock of the index. Files that say the same already are not touched.
 */
export async function writeOciIndex(
  root: string,
  blobs: Blobs,
  references: readonly Reference[],
): Promise<void> {
  const known = new Map<string, Promise<boolean>>();
  const complete = (image: StoredImage) => {
    const answer = known.get(image.manifest.digest) ?? isComplete(blobs, image);
    known.set(image.manifest.digest, answer);
    return answer;
  };
  const manifests: Descriptor[] = [];
  for (const reference of references) {
    const images = imagesOf(reference.target);
    const present = await Promise.all(images.map(complete));
    if (present.every(Boolean) && (await hasIndex(blobs, reference))) manifests.push(named(reference));
  }
  await publishChanged(root, layoutFile, '{"imageLayoutVersion":"1.0.0"}');
  const index: Index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  await publishChanged(root, indexFile, canonicalJson(index));
}

/** Whether index.json lists a reference; a process may have been killed before it got that far. */
export async function isIndexed(root: string, { name, target }: Reference): Promise<boolean> {
  const text = await readFile(join(root, indexFile), 'utf8').catch(() => '');
  const { digest } = target.kind === 'image' ? target.manifest : target.index;
  return text.includes(JSON.stringify(name)) && text.includes(digest);
}

async function publishChanged(root: string, path: string, text: string): Promise<void> {
  const present = await readFile(join(root, path), 'utf8').catch(() => undefined);
  if (present !== text) await publishFile(root, path, text);
}

async function hasIndex(blobs: Blobs, { target }: Reference): Promise<boolean> {
  return target.kind === 'image' || (await isPresent(blobs, target.index));
}

function named(reference: Reference): Descriptor {
  const { name, target } = reference;
  const { mediaType, digest, size, annotations } = target.kind === 'index' ? target.index : target.manifest;
  return {
    mediaType,
    digest,
    size,
    annotations: {
      ...annotations,
      'org.opencontainers.image.ref.name': name,
      'io.containerd.image.name': name,
    },
    ...(target.kind === 'index' ? {} : { platform: platformOf(target) }),
  };
}

function platformOf({ platform }: StoredImage): Descriptor['platform'] {
  return {
    os: platform.os,
    architecture: platform.architecture,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    ...(platform.osVersion === undefined ? {} : { 'os.version': platform.osVersion }),
  };
}

/** Whether manifest, config and layers are here with the sizes that the manifest gives. */
async function isComplete(blobs: Blobs, image: StoredImage): Promise<boolean> {
  try {
    const bytes = await blobs.read(image.manifest.digest, maxDocumentSize);
    const manifest = parseManifest(bytes, image.manifest.mediaType);
    const parts = [manifest.config, ...manifest.layers];
    return (await Promise.all(parts.map((part) => isPresent(blobs, part)))).every(Boolean);
  } catch {
    // A manifest that is missing, damaged or none keeps its image out of the index; whoever uses it says so.
    return false;
  }
}

async function isPresent(blobs: Blobs, part: Descriptor): Promise<boolean> {
  return (await blobs.has(part.digest))?.size === part.size;
}
