/** Checks of manifests and indexes that others wrote (image-spec manifest.md, image-index.md). */
import { descriptorOf } from './descriptor.js';
import { itemsOf, optionalMembers, stringMapOf, stringOf, structOf, type JsonObject } from './json-guards.js';
import { isIndexType, isManifestType } from './media-types.js';
import { parseStrictJson } from './strict-json.js';
import type { Descriptor, Index, Manifest } from './types.js';
import { TsbuildError } from '../util/errors.js';

export { parseImageConfig } from './validate-config.js';

const maxLayers = 1000;
const maxManifests = 1000;

export type ImageDocument =
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  | { readonly kind: 'index'; readonly index: Index };

const manifestMembers = [
  'schemaVersion',
  'mediaType',
  'artifactType',
  'config',
  'layers',
  'subject',
  'annotations',
];
const indexMembers = ['schemaVersion', 'mediaType', 'artifactType', 'manifests', 'subject', 'annotations'];
const allMembers = [...new Set([...manifestMembers, ...indexMembers])];

/**
 * Reads a manifest or an index. `mediaType` is what the transport or descriptor said of it (parameters are
 * ignored); undefined when nothing did. Refuses documents that two readers could understand differently
 * (CVE-2021-41190), schema 1, and everything out of range. Members that are not known are dropped: keep the bytes.
 * Throws `image`.
 */
export function parseImageDocument(bytes: Uint8Array, mediaType: string | undefined): ImageDocument {
  const stated = mediaType?.split(';')[0]?.trim().toLowerCase();
  const value = parseStrictJson(bytes, 'the image manifest');
  const document = structOf(value, 'manifest', allMembers);
  if (document['schemaVersion'] !== 2) throw wrongVersion(document['schemaVersion']);
  const own =
    document['mediaType'] === undefined ? undefined : stringOf(document['mediaType'], 'manifest.mediaType');
  if (own !== undefined && stated !== undefined && own !== stated) {
    throw new TsbuildError(
      'image',
      `the manifest says it is ${shown(own)} but was announced as ${shown(stated)}`,
    );
  }
  return kindOf(document, stated ?? own) === 'index'
    ? { kind: 'index', index: indexOf(document) }
    : { kind: 'manifest', manifest: manifestOf(document) };
}

/** As parseImageDocument for what must be a manifest. */
export function parseManifest(bytes: Uint8Array, mediaType?: string): Manifest {
  const document = parseImageDocument(bytes, mediaType);
  if (document.kind === 'manifest') return document.manifest;
  throw new TsbuildError('image', 'found an image index where an image manifest must be');
}

/** As parseImageDocument for what must be an index. */
export function parseIndex(bytes: Uint8Array, mediaType?: string): Index {
  const document = parseImageDocument(bytes, mediaType);
  if (document.kind === 'index') return document.index;
  throw new TsbuildError('image', 'found an image manifest where an image index must be');
}

function wrongVersion(version: unknown): TsbuildError {
  const problem =
    version === 1
      ? 'the image is stored in manifest schema 1, which is obsolete and not supported'
      : 'the manifest has no schemaVersion 2';
  return new TsbuildError('image', problem, {
    hint: version === 1 ? 'pull and push the image again with a recent tool to convert it' : undefined,
  });
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}

function kindOf(document: JsonObject, mediaType: string | undefined): ImageDocument['kind'] {
  const index = 'manifests' in document;
  const manifest = 'layers' in document || 'config' in document;
  if (index && manifest) throw new TsbuildError('image', 'the manifest is an image and an index at once');
  if (mediaType === undefined) return index ? 'index' : 'manifest';
  if (isIndexType(mediaType) && !manifest) return 'index';
  if (isManifestType(mediaType) && !index) return 'manifest';
  throw new TsbuildError('image', `the manifest does not fit its media type ${shown(mediaType)}`);
}

function manifestOf(document: JsonObject): Manifest {
  return {
    schemaVersion: 2,
    ...sharedMembers(document),
    config: descriptorOf(document['config'], 'manifest.config'),
    layers: descriptorsOf(document['layers'], 'manifest.layers', maxLayers),
  };
}

function indexOf(document: JsonObject): Index {
  return {
    schemaVersion: 2,
    ...sharedMembers(document),
    manifests: descriptorsOf(document['manifests'], 'index.manifests', maxManifests),
  };
}

function sharedMembers(document: JsonObject): Omit<Index, 'schemaVersion' | 'manifests'> {
  return optionalMembers(document, 'manifest', {
    mediaType: stringOf,
    artifactType: stringOf,
    subject: descriptorOf,
    annotations: stringMapOf,
  });
}

/** Absent and null are the empty list: BuildKit writes `null` for an image without layers. */
function descriptorsOf(value: unknown, where: string, limit: number): readonly Descriptor[] {
  return itemsOf(value ?? [], where, limit).map((item, i) => descriptorOf(item, `${where}[${i}]`));
}
