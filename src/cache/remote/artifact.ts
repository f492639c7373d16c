/** The form of a cache in a registry: an OCI image manifest whose first layer is the document, followed by all blobs. */
import { canonicalJson } from '../../oci/canonical-json.js';
import { digestOf } from '../../oci/digest.js';
import { isJsonObject } from '../../oci/json-guards.js';
import { mediaTypes } from '../../oci/media-types.js';
import { descriptorOf } from '../../oci/descriptor.js';
import { maxDocumentSize, parseStrictJson } from '../../oci/strict-json.js';
import type { Descriptor, Manifest } from '../../oci/types.js';
import { parseIndex, parseManifest } from '../../oci/validate.js';
import { TsbuildError } from '../../util/errors.js';
import type { OutgoingBlob } from './storage.js';

export const cacheTypes = {
  artifact: 'application/vnd.tsbuild.cache.v1+json',
  document: 'application/vnd.tsbuild.cache.records.v1+gzip',
  changeset: 'application/vnd.tsbuild.cache.changeset.v1+gzip',
  chunk: 'application/vnd.tsbuild.cache.chunk.v1+gzip',
} as const;

/** image-spec manifest.md, "Guidance for an Empty Descriptor". */
const emptyConfig = Buffer.from('{}');
const emptyDescriptor: Descriptor = {
  mediaType: 'application/vnd.oci.empty.v1+json',
  digest: digestOf(emptyConfig),
  size: emptyConfig.length,
};

/** The empty config that every manifest of a cache names. */
export const emptyBlob: OutgoingBlob = {
  descriptor: emptyDescriptor,
  open: (offset) => bytesOf(emptyConfig, offset),
};

/** Bytes as a blob of a type. */
export function blobOf(mediaType: string, bytes: Uint8Array): OutgoingBlob {
  return {
    descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length },
    open: (offset) => bytesOf(bytes, offset),
  };
}

async function* bytesOf(bytes: Uint8Array, offset = 0): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes.subarray(offset));
}

/**
 * A manifest that keeps a registry from deleting the blobs of a document, as bytes. Undefined when it would be larger
 * than registries must accept.
 */
export function artifactManifest(document: Descriptor, blobs: readonly Descriptor[]): Buffer | undefined {
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: cacheTypes.artifact,
    config: emptyDescriptor,
    layers: [document, ...blobs],
  };
  const bytes = Buffer.from(canonicalJson(manifest));
  return bytes.length > maxDocumentSize ? undefined : bytes;
}

/** What is under a tag: a cache, or an image, or an index of images, that may carry one in their configs. */
export type TaggedThing =
  | { readonly kind: 'cache'; readonly document: Descriptor }
  | { readonly kind: 'image'; readonly manifest: Manifest }
  | { readonly kind: 'index'; readonly members: readonly Descriptor[] };

/** Reads the bytes under a tag. Throws `image`. */
export function readArtifact(bytes: Uint8Array): TaggedThing {
  const value = parseStrictJson(bytes, 'the manifest of a cache');
  if (isJsonObject(value) && Array.isArray(value['manifests']))
    return { kind: 'index', members: parseIndex(bytes).manifests };
  if (!isJsonObject(value) || value['artifactType'] !== cacheTypes.artifact)
    return { kind: 'image', manifest: parseManifest(bytes) };
  const layers = value['layers'];
  const document = descriptorOf(Array.isArray(layers) ? layers[0] : undefined, 'layers[0]');
  if (document.mediaType !== cacheTypes.document)
    throw new TsbuildError('image', 'the manifest of a cache names no document');
  return { kind: 'cache', document };
}
