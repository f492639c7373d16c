/** Images as the blobs and the index of an OCI layout (image-spec image-layout.md), before anything is written. */
import { documentJson } from '../oci/document-json.js';
import { hexOf, type Digest } from '../oci/digest.js';
import { mediaTypes, type Compression } from '../oci/media-types.js';
import { familiarReference, parseReference } from '../oci/reference.js';
import type { Descriptor, Index } from '../oci/types.js';
import { annotationsAt, maybeAnnotations } from './annotations.js';
import { assembleImage, assembleIndex, type AssembledImage, type Document } from './assemble.js';
import type { ExportableImage } from './exporter.js';
import type { ImageForm } from './output.js';

/** A blob that is to be written. */
export interface LayoutBlob {
  readonly digest: Digest;
  readonly size: number;
  open(): AsyncIterable<Uint8Array>;
}

export interface ImageLayout {
  /** Each blob once, by digest. */
  readonly blobs: ReadonlyMap<Digest, LayoutBlob>;
  /** What `index.json` lists: one descriptor per name. */
  readonly named: readonly Descriptor[];
  /** The manifest, or the index of several. */
  readonly root: Descriptor;
  readonly images: readonly AssembledImage[];
}

export interface LayoutOptions {
  readonly form: ImageForm;
  /** Compression of layers that have none of their own. */
  readonly compression: Compression;
  /** Whether one image gets an index too. */
  readonly index?: boolean | undefined;
}

/** Asks the layers for blobs and joins everything. Several images become members of an index. */
export async function layoutOf(
  images: readonly ExportableImage[],
  options: LayoutOptions,
): Promise<ImageLayout> {
  const blobs = new Map<Digest, LayoutBlob>();
  const assembled = await Promise.all(images.map((image) => addImage(image, options, blobs)));
  const root = rootOf(images, assembled, { options, blobs });
  const names = [...new Set([...images.flatMap((image) => image.names), ...options.form.names])];
  return { blobs, named: namedDescriptors(root, names), root, images: assembled };
}

async function addImage(
  image: ExportableImage,
  { form, compression }: LayoutOptions,
  blobs: Map<Digest, LayoutBlob>,
): Promise<AssembledImage> {
  const layers = await Promise.all(
    image.layers.map(async (layer) => {
      const descriptor = await layer.blob(compression, {
        level: form.compressionLevel,
        force: form.forceCompression,
      });
      const { digest, size } = descriptor;
      blobs.set(digest, { digest, size, open: () => layer.open(descriptor) });
      return descriptor;
    }),
  );
  const assembled = assembleImage({
    config: image.config,
    configBytes: image.configBytes,
    layers,
    annotations: {
      ...image.annotations,
      ...annotationsAt(form.annotations, 'manifest', image.platform),
    },
    docker: !form.ociMediaTypes,
  });
  addDocument(blobs, assembled.config);
  addDocument(blobs, assembled.manifest);
  return assembled;
}

interface Joining {
  readonly options: LayoutOptions;
  readonly blobs: Map<Digest, LayoutBlob>;
}

function rootOf(
  images: readonly ExportableImage[],
  assembled: readonly AssembledImage[],
  { options: { form, index: wantsIndex = false }, blobs }: Joining,
): Descriptor {
  const members = assembled.map(({ manifest }, i) => {
    const image = images[i];
    if (image === undefined) throw new Error('an image was not assembled');
    const { platform } = image;
    const annotations = annotationsAt(form.annotations, 'manifest-descriptor', platform);
    return { manifest: { ...manifest.descriptor, ...maybeAnnotations(annotations) }, platform };
  });
  const [only] = members;
  if (only !== undefined && members.length === 1 && !wantsIndex) return only.manifest;
  const index = assembleIndex(members, {
    annotations: annotationsAt(form.annotations, 'index'),
    docker: !form.ociMediaTypes,
  });
  addDocument(blobs, index);
  return { ...index.descriptor, ...maybeAnnotations(annotationsAt(form.annotations, 'index-descriptor')) };
}

function addDocument(blobs: Map<Digest, LayoutBlob>, { bytes, descriptor }: Document): void {
  const { digest, size } = descriptor;
  blobs.set(digest, {
    digest,
    size,
    async *open() {
      await Promise.resolve();
      yield bytes;
    },
  });
}

/** As BuildKit does: the tag alone for OCI tools, the whole name for containerd. */
function namedDescriptors(root: Descriptor, names: readonly string[]): readonly Descriptor[] {
  if (names.length === 0) return [root];
  return names.map((name) => {
    const { tag } = parseReference(name);
    const annotations = {
      ...root.annotations,
      'io.containerd.image.name': name,
      ...(tag === undefined ? {} : { 'org.opencontainers.image.ref.name': tag }),
    };
    return { ...root, annotations };
  });
}

/** Path of a blob in a layout. */
export function blobPath(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

/** The text of `oci-layout`. */
export const layoutMarker = '{"imageLayoutVersion":"1.0.0"}';

/** The text of `index.json`. */
export function indexJson(manifests: readonly Descriptor[]): string {
  const index: Index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  return documentJson(index);
}

/** The text of `manifest.json`, by which `docker load` finds config and layers (docker save's format). */
export function dockerManifestJson(layout: ImageLayout, names: readonly string[]): string {
  const manifests = layout.images.map(({ config, layers }) => ({
    Config: blobPath(config.descriptor.digest),
    RepoTags: names.map((name) => familiarReference(parseReference(name))),
    Layers: layers.map(({ digest }) => blobPath(digest)),
  }));
  return JSON.stringify(manifests);
}
