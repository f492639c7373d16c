/** Archives of `docker save` and `podman save` (moby's image/tarexport). */
import { cleanPath } from '../layers/path.js';
import type { DiffID } from '../oci/digest.js';
import { isJsonObject, itemsOf, stringOf, stringsOf } from '../oci/json-guards.js';
import { layerMediaType } from '../oci/media-types.js';
import { maxDocumentSize, parseStrictJson } from '../oci/strict-json.js';
import type { Descriptor } from '../oci/types.js';
import { parseImageConfig } from '../oci/validate.js';
import type { StoredBlob } from '../store/blob-writer.js';
import type { Store } from '../store/store.js';
import { toByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';
import type { ArchiveFiles } from './archive-files.js';
import { archiveName } from './archive-name.js';
import { assembleImage, configPlatform } from './assemble.js';
import { checkLayer } from './check-layer.js';
import type { LoadedImage } from './load-archive.js';

const maxImages = 1000;
const maxLayers = 1000;

interface SavedImage {
  readonly config: string;
  readonly names: readonly string[];
  readonly layers: readonly string[];
}

/** Loads what `manifest.json` lists. Throws `archive` and `image`. */
export async function loadDockerArchive(files: ArchiveFiles, store: Store): Promise<readonly LoadedImage[]> {
  const bytes = await store.blobs.read((await required(files, 'manifest.json')).digest, maxDocumentSize);
  const items = itemsOf(parseStrictJson(bytes, 'manifest.json'), 'manifest.json', maxImages);
  const loaded: LoadedImage[] = [];
  for (const item of items) loaded.push(await loadImage(savedImage(item), files, store));
  return loaded;
}

function savedImage(item: unknown): SavedImage {
  const object = isJsonObject(item) ? item : {};
  const layers = itemsOf(object['Layers'] ?? [], 'manifest.json Layers', maxLayers);
  return {
    config: stringOf(object['Config'], 'manifest.json Config'),
    names: stringsOf(object['RepoTags'] ?? [], 'manifest.json RepoTags').map(archiveName),
    layers: layers.map((layer) => stringOf(layer, 'manifest.json Layers')),
  };
}

async function loadImage(saved: SavedImage, files: ArchiveFiles, store: Store): Promise<LoadedImage> {
  const configBytes = await store.blobs.read((await required(files, saved.config)).digest, maxDocumentSize);
  const config = parseImageConfig(configBytes);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== saved.layers.length) {
    throw new TsbuildError(
      'image',
      `manifest.json lists ${saved.layers.length} layers, the config ${diffIds.length}`,
    );
  }
  const layers: Descriptor[] = [];
  for (const [i, diffId] of diffIds.entries()) {
    layers.push(await describe(await required(files, saved.layers[i] ?? ''), diffId, store));
  }
  const image = assembleImage({ config, configBytes, layers });
  await store.blobs.put(image.manifest.bytes);
  const { digest } = image.config.descriptor;
  const platform = configPlatform(config);
  return {
    names: saved.names,
    target: { kind: 'image', config: digest, manifest: image.manifest.descriptor, platform },
  };
}

async function describe(blob: StoredBlob, diffId: DiffID, store: Store): Promise<Descriptor> {
  const kind = await checkLayer(blob, diffId, store);
  if (kind === 'bzip2' || kind === 'xz') {
    throw new TsbuildError('unsupported', `the layer ${blob.digest} is compressed with ${kind}`);
  }
  return { mediaType: layerMediaType(kind), digest: blob.digest, size: blob.size };
}

async function required(files: ArchiveFiles, name: string): Promise<StoredBlob> {
  const path = toByteString(name);
  const found = path === cleanPath(path) ? await files.findLinked(path) : undefined;
  if (found !== undefined) return found;
  throw new TsbuildError('archive', `the archive has no file ${JSON.stringify(name.slice(0, 200))}`);
}
