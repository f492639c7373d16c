/** Archives and folders that are OCI image layouts (image-spec image-layout.md). */
import { hexOf, type Digest } from '../oci/digest.js';
import { isIndexType, isManifestType } from '../oci/media-types.js';
import { maxDocumentSize } from '../oci/strict-json.js';
import type { Descriptor } from '../oci/types.js';
import { parseImageConfig, parseImageDocument, parseIndex, parseManifest } from '../oci/validate.js';
import { checkImage } from '../oci/validate-config.js';
import type { ImageTarget, StoredImage } from '../store/references.js';
import type { Store } from '../store/store.js';
import { TsbuildError } from '../util/errors.js';
import type { ArchiveFiles } from './archive-files.js';
import { archiveName } from './archive-name.js';
import { configPlatform } from './assemble.js';
import { checkLayer } from './check-layer.js';
import type { LoadedImage } from './load-archive.js';

/** An index of indexes is as deep as real ones get. */
const maxDepth = 3;
/** Manifests of one layout, those of nested indexes included. */
const maxManifests = 2000;

/** Loads what `index.json` lists. Throws `archive` and `image`. */
export async function loadOciLayout(files: ArchiveFiles, store: Store): Promise<readonly LoadedImage[]> {
  const index = await files.find('index.json');
  if (index === undefined) throw new TsbuildError('archive', 'the layout has no index.json');
  const loader = new LayoutLoader(files, store);
  const loaded = new Map<Digest, LoadedImage>();
  for (const descriptor of parseIndex(await store.blobs.read(index.digest, maxDocumentSize)).manifests) {
    const present = loaded.get(descriptor.digest);
    const target = present?.target ?? (await loader.target(descriptor));
    if (target === undefined) continue;
    const names = [...new Set([...(present?.names ?? []), ...namesOf(descriptor)])];
    loaded.set(descriptor.digest, { names, target });
  }
  return [...loaded.values()];
}

/** Which image of a layout is wanted; without either the one tagged `latest`, or the only one. */
export interface LayoutChoice {
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

/** Loads one of the images that `index.json` lists. Throws `archive` and `image`. */
export async function loadFromLayout(
  files: ArchiveFiles,
  store: Store,
  choice: LayoutChoice,
): Promise<ImageTarget> {
  const index = await files.find('index.json');
  if (index === undefined) throw new TsbuildError('archive', 'the layout has no index.json');
  const { manifests } = parseIndex(await store.blobs.read(index.digest, maxDocumentSize));
  const chosen = choose(manifests, choice);
  const target = chosen && (await new LayoutLoader(files, store).target(chosen));
  if (target !== undefined) return target;
  const wanted = choice.digest ?? choice.tag ?? 'latest';
  throw new TsbuildError('image', `the layout has no image ${JSON.stringify(wanted)}`, {
    hint: `it has ${manifests.map((one) => tagsOf(one)[0] ?? one.digest).join(', ')}`,
  });
}

function choose(manifests: readonly Descriptor[], { tag, digest }: LayoutChoice): Descriptor | undefined {
  if (digest !== undefined) return manifests.find((one) => one.digest === digest);
  const tagged = manifests.findLast((one) => tagsOf(one).includes(tag ?? 'latest'));
  return tagged ?? (tag === undefined && manifests.length === 1 ? manifests[0] : undefined);
}

/** The image-spec's annotation is a tag or a whole name, containerd's a whole name. */
function tagsOf({ annotations = {} }: Descriptor): readonly string[] {
  return ['org.opencontainers.image.ref.name', 'io.containerd.image.name']
    .flatMap((key) => annotations[key] ?? [])
    .map((name) => name.slice(name.lastIndexOf('/') + 1))
    .map((name) => name.slice(name.lastIndexOf(':') + 1));
}

/** containerd's annotation is a whole name; the image-spec's is often a tag alone, which names nothing. */
function namesOf({ annotations = {} }: Descriptor): readonly string[] {
  const name = annotations['io.containerd.image.name'];
  const reference = annotations['org.opencontainers.image.ref.name'];
  if (name !== undefined) return [archiveName(name)];
  return reference !== undefined && /[/:]/.test(reference) ? [archiveName(reference)] : [];
}

class LayoutLoader {
  #manifests = 0;
  readonly #images = new Map<Digest, StoredImage | undefined>();

  constructor(
    private readonly files: ArchiveFiles,
    private readonly store: Store,
  ) {}

  /** Undefined for what is no image, such as an attestation. */
  async target(descriptor: Descriptor): Promise<ImageTarget | undefined> {
    if (!isIndexType(descriptor.mediaType)) return this.#image(descriptor);
    const images = await this.#imagesOf(descriptor, []);
    const [only] = images;
    if (only === undefined)
      throw new TsbuildError('image', `the index ${descriptor.digest} has no image that is here`);
    if (images.length === 1) return only;
    const { mediaType, digest, size } = descriptor;
    return { kind: 'index', index: { mediaType, digest, size }, images };
  }

  /** Images of an index that the layout has: one saved for one platform lists the others too. */
  async #imagesOf(descriptor: Descriptor, above: readonly Digest[]): Promise<readonly StoredImage[]> {
    if (above.includes(descriptor.digest)) throw new TsbuildError('image', 'an index contains itself');
    if (above.length >= maxDepth) throw new TsbuildError('image', 'indexes are nested too deeply');
    const document = parseImageDocument(await this.#read(descriptor), descriptor.mediaType);
    const found: StoredImage[] = [];
    for (const member of document.kind === 'index' ? document.index.manifests : []) {
      this.#manifests += 1;
      if (this.#manifests > maxManifests)
        throw new TsbuildError('image', 'the layout has too many manifests');
      if ((await this.#blob(member)) === undefined) continue;
      const path = [...above, descriptor.digest];
      if (isIndexType(member.mediaType)) found.push(...(await this.#imagesOf(member, path)));
      else found.push(...[await this.#image(member)].filter((image) => image !== undefined));
    }
    return found;
  }

  async #image(descriptor: Descriptor): Promise<StoredImage | undefined> {
    if (!this.#images.has(descriptor.digest)) {
      this.#images.set(descriptor.digest, await this.#loadImage(descriptor));
    }
    return this.#images.get(descriptor.digest);
  }

  async #loadImage(descriptor: Descriptor): Promise<StoredImage | undefined> {
    if (!isManifestType(descriptor.mediaType) || isAttestation(descriptor)) return undefined;
    const manifest = parseManifest(await this.#read(descriptor), descriptor.mediaType);
    const config = parseImageConfig(await this.#read(manifest.config));
    checkImage(manifest, config);
    for (const [i, layer] of manifest.layers.entries()) {
      const diffId = config.rootfs.diff_ids[i];
      if (diffId !== undefined) await checkLayer(await this.#required(layer), diffId, this.store);
    }
    const { mediaType, digest, size } = descriptor;
    const platform = configPlatform(config);
    return { kind: 'image', config: manifest.config.digest, manifest: { mediaType, digest, size }, platform };
  }

  async #read(descriptor: Descriptor): Promise<Buffer> {
    return this.store.blobs.read((await this.#required(descriptor)).digest, maxDocumentSize);
  }

  async #required(descriptor: Descriptor): Promise<Descriptor> {
    const found = await this.#blob(descriptor);
    if (found !== undefined) return found;
    throw new TsbuildError('archive', `the archive has no blob ${descriptor.digest}`);
  }

  /** The blob of a descriptor, after its digest and size were compared. */
  async #blob(descriptor: Descriptor): Promise<Descriptor | undefined> {
    const found = await this.files.find(`blobs/sha256/${hexOf(descriptor.digest)}`);
    if (found === undefined) return undefined;
    if (found.digest === descriptor.digest && found.size === descriptor.size) return descriptor;
    throw new TsbuildError(
      'archive',
      `the blob ${descriptor.digest} of the archive is ${found.digest} with ${found.size} bytes`,
    );
  }
}

/** BuildKit's attestations stand beside images under a platform of their own. */
function isAttestation({ platform, annotations = {} }: Descriptor): boolean {
  return platform?.os === 'unknown' || annotations['vnd.docker.reference.type'] === 'attestation-manifest';
}
