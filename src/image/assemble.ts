import { digestOf } from '../oci/digest.js';
import { documentJson } from '../oci/document-json.js';
import { compressionOf, layerMediaType, mediaTypes, type Compression } from '../oci/media-types.js';
import type { Platform } from '../oci/platform.js';
import type { Descriptor, DescriptorPlatform, ImageConfig, Index, Manifest } from '../oci/types.js';
import { TsbuildError } from '../util/errors.js';

/** A document with its descriptor. */
export interface Document {
  readonly bytes: Uint8Array;
  readonly descriptor: Descriptor;
}

/** Config and manifest of an image. The config's digest names the image. */
export interface AssembledImage {
  readonly config: Document;
  readonly manifest: Document;
  /** As the manifest lists them. */
  readonly layers: readonly Descriptor[];
}

export interface ImageParts {
  readonly config: ImageConfig;
  /** The config as it was pulled or assembled before; made from `config` when absent. */
  readonly configBytes?: Uint8Array | undefined;
  /** From the bottom up, one per DiffID of the config; media types of either family. */
  readonly layers: readonly Descriptor[];
  /** Of the manifest. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Docker's media types instead of OCI's. Zstandard exists in OCI's only. */
  readonly docker?: boolean | undefined;
}

/**
 * Joins config and layers into the documents of an image (image-spec manifest.md, config.md). Pure. Throws
 * `unsupported` for what Docker's media types cannot express.
 */
export function assembleImage(parts: ImageParts): AssembledImage {
  const { config: value, layers, annotations = {}, docker = false } = parts;
  if (value.rootfs.diff_ids.length !== layers.length) throw new Error('layers and DiffIDs differ in number');
  const configType = docker ? mediaTypes.dockerConfig : mediaTypes.ociConfig;
  const config = documentOf(configType, parts.configBytes ?? Buffer.from(documentJson(value)));
  const described = layers.map((layer) => layerOf(layer, docker));
  const mediaType = docker ? mediaTypes.dockerManifest : mediaTypes.ociManifest;
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType,
    config: config.descriptor,
    layers: described,
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
  };
  return { config, manifest: documentOf(mediaType, Buffer.from(documentJson(manifest))), layers: described };
}

export interface IndexMember {
  readonly manifest: Descriptor;
  readonly platform: Platform;
}

export interface IndexOptions {
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly docker?: boolean | undefined;
}

/** The index of an image for several platforms (image-spec image-index.md), or Docker's manifest list. Pure. */
export function assembleIndex(
  members: readonly IndexMember[],
  { annotations = {}, docker = false }: IndexOptions = {},
): Document {
  if (docker && Object.keys(annotations).length > 0) throw ociOnly('annotations of an index');
  const mediaType = docker ? mediaTypes.dockerList : mediaTypes.ociIndex;
  const index: Index = {
    schemaVersion: 2,
    mediaType,
    manifests: members.map(({ manifest, platform }) => ({
      ...manifest,
      platform: descriptorPlatform(platform),
    })),
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
  };
  return documentOf(mediaType, Buffer.from(documentJson(index)));
}

/** A platform as JSON spells it. */
export function descriptorPlatform(platform: Platform): DescriptorPlatform {
  return {
    os: platform.os,
    architecture: platform.architecture,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    ...(platform.osVersion === undefined ? {} : { 'os.version': platform.osVersion }),
  };
}

/** The platform that a config is for. */
export function configPlatform(config: ImageConfig): Platform {
  const osVersion = config['os.version'];
  return {
    os: config.os,
    architecture: config.architecture,
    ...(config.variant === undefined || config.variant === '' ? {} : { variant: config.variant }),
    ...(osVersion === undefined || osVersion === '' ? {} : { osVersion }),
  };
}

function documentOf(mediaType: string, bytes: Uint8Array): Document {
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } };
}

/** The same blob under the family's media type. Foreign layers keep theirs, which says that they are not distributed. */
function layerOf(layer: Descriptor, docker: boolean): Descriptor {
  const compression = compressionOf(layer.mediaType);
  if (compression === undefined) throw new Error(`not a layer: ${layer.mediaType}`);
  if (/nondistributable|foreign/.test(layer.mediaType)) return layer;
  return { ...layer, mediaType: docker ? dockerLayerType(compression) : layerMediaType(compression) };
}

function dockerLayerType(compression: Compression): string {
  if (compression === 'zstd') throw ociOnly('zstd-compressed layers');
  return compression === 'gzip' ? mediaTypes.dockerLayerGzip : mediaTypes.dockerLayer;
}

function ociOnly(what: string): TsbuildError {
  return new TsbuildError('unsupported', `${what} cannot be expressed in Docker's media types`, {
    hint: 'leave out oci-mediatypes=false, or what needs OCI',
  });
}
