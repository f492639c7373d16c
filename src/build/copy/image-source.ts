import { isIndexType } from '../../oci/media-types.js';
import { formatPlatform, type Platform } from '../../oci/platform.js';
import { maxDocumentSize } from '../../oci/strict-json.js';
import type { Descriptor, Manifest } from '../../oci/types.js';
import { parseImageDocument } from '../../oci/validate.js';
import { choosePlatform } from '../../registry/choose-platform.js';
import type { PushableImage } from '../../registry/push-image.js';
import type { PushableBlob } from '../../registry/types.js';
import { TsbuildError } from '../../util/errors.js';

/** An image somewhere, byte for byte. */
export interface ImageSource {
  /** For messages. */
  readonly name: string;
  /** What the name means: a manifest or an index. */
  readonly root: Descriptor;
  /** The bytes of a manifest or an index, compared with the descriptor. */
  document(descriptor: Descriptor): Promise<Uint8Array>;
  blob(descriptor: Descriptor): PushableBlob;
}

/** Real indexes have one level. */
const maxDepth = 4;
const maxManifests = 2000;

/** Reads all documents of an image; with a platform only those of its manifest. Throws `image`. */
export function readImage(source: ImageSource, platform: Platform | undefined): Promise<PushableImage> {
  return new Reader(source).read(source.root, { platform, depth: 0 });
}

class Reader {
  #manifests = 0;

  constructor(private readonly source: ImageSource) {}

  async read(
    descriptor: Descriptor,
    { platform, depth }: { readonly platform: Platform | undefined; readonly depth: number },
  ): Promise<PushableImage> {
    const { name } = this.source;
    if (depth >= maxDepth || ++this.#manifests > maxManifests)
      throw new TsbuildError('image', `${name} has too many manifests`);
    if (descriptor.size > maxDocumentSize)
      throw new TsbuildError('image', `a manifest of ${name} is larger than ${maxDocumentSize} bytes`);
    const bytes = await this.source.document(descriptor);
    const document = parseImageDocument(bytes, descriptor.mediaType);
    const { mediaType, digest, size } = descriptor;
    const shared = { descriptor: { mediaType, digest, size }, bytes };
    if (document.kind === 'manifest') return { ...shared, ...this.#content(document.manifest) };
    const { manifests } = document.index;
    if (platform !== undefined) {
      const chosen = choosePlatform(document.index, platform);
      if (chosen !== undefined) return this.read(chosen, { platform, depth: depth + 1 });
      throw new TsbuildError('image', `${name} has no image for ${formatPlatform(platform)}`);
    }
    const members: PushableImage[] = [];
    for (const member of manifests) members.push(await this.read(member, { platform, depth: depth + 1 }));
    return { ...shared, layers: [], manifests: members };
  }

  #content({ config, layers }: Manifest): Pick<PushableImage, 'layers' | 'config'> {
    const here = layers.filter((layer) => !isElsewhere(layer));
    return { config: this.source.blob(config), layers: here.map((layer) => this.source.blob(layer)) };
  }
}

/** Layers that may not be distributed are fetched by whoever runs the image. */
function isElsewhere({ mediaType, urls }: Descriptor): boolean {
  return urls !== undefined && urls.length > 0 && /nondistributable|foreign/.test(mediaType);
}

/** The images of a tree of indexes: those that have a config. */
export function leavesOf(image: PushableImage): readonly PushableImage[] {
  if (!isIndexType(image.descriptor.mediaType)) return [image];
  return (image.manifests ?? []).flatMap(leavesOf);
}

/** Every manifest and index, members before what names them. */
export function documentsOf(image: PushableImage): readonly PushableImage[] {
  return [...(image.manifests ?? []).flatMap(documentsOf), image];
}

/** The same for another registry, where nothing can be mounted. */
export function withoutMounts(image: PushableImage): PushableImage {
  const bare = (blob: PushableBlob): PushableBlob => ({
    descriptor: blob.descriptor,
    open: (offset) => blob.open(offset),
  });
  return {
    ...image,
    layers: image.layers.map(bare),
    ...(image.config === undefined ? {} : { config: bare(image.config) }),
    ...(image.manifests === undefined ? {} : { manifests: image.manifests.map(withoutMounts) }),
  };
}
