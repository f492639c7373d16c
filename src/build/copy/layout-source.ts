import type { ArchiveFiles } from '../../image/archive-files.js';
import { hexOf } from '../../oci/digest.js';
import { maxDocumentSize } from '../../oci/strict-json.js';
import type { Descriptor } from '../../oci/types.js';
import { parseIndex } from '../../oci/validate.js';
import type { StoredBlob } from '../../store/blob-writer.js';
import type { Store } from '../../store/store.js';
import { TsbuildError } from '../../util/errors.js';
import type { ImageSource } from './image-source.js';
import { blobFrom } from '../store-blob.js';

export interface LayoutFiles {
  readonly files: ArchiveFiles;
  readonly store: Store;
  /** For messages. */
  readonly label: string;
  /** Which image of `index.json`, by tag or whole name; undefined when there is only one. */
  readonly name: string | undefined;
}

/** An image of an OCI layout. Its blobs pass through the store, which compares them with their digests. */
export async function layoutSource({ files, store, label, name }: LayoutFiles): Promise<ImageSource> {
  const index = await files.find('index.json');
  if (index === undefined)
    throw new TsbuildError('archive', `${label} is no OCI layout: it has no index.json`);
  const { manifests } = parseIndex(await store.blobs.read(index.digest, maxDocumentSize));
  const kept = async (descriptor: Descriptor): Promise<StoredBlob> => {
    const found = await files.find(`blobs/sha256/${hexOf(descriptor.digest)}`);
    if (found?.digest === descriptor.digest && found.size === descriptor.size) return found;
    const problem = found === undefined ? 'is missing' : `is ${found.digest} with ${found.size} bytes`;
    throw new TsbuildError('archive', `${label}: the blob ${descriptor.digest} ${problem}`);
  };
  return {
    name: label,
    root: chosen(manifests, { label, name }),
    document: async (descriptor) => store.blobs.read((await kept(descriptor)).digest, maxDocumentSize),
    blob: (descriptor) => ({
      descriptor,
      async *open(offset = 0) {
        yield* blobFrom(store, await kept(descriptor), offset);
      },
    }),
  };
}

const nameKeys = ['org.opencontainers.image.ref.name', 'io.containerd.image.name'];

function chosen(
  manifests: readonly Descriptor[],
  { label, name }: { readonly label: string; readonly name: string | undefined },
): Descriptor {
  const namesOf = ({ annotations = {} }: Descriptor) => nameKeys.flatMap((key) => annotations[key] ?? []);
  const fitting = manifests.filter((each) => name === undefined || namesOf(each).includes(name));
  const [first] = fitting;
  const digests = new Set(fitting.map(({ digest }) => digest));
  if (first !== undefined && digests.size === 1) return first;
  const names = [...new Set(manifests.flatMap(namesOf))].slice(0, 20);
  const problem = name === undefined ? `${digests.size} images` : `no image ${JSON.stringify(name)}`;
  throw new TsbuildError('image', `${label} has ${problem}`, {
    hint:
      names.length === 0 ? undefined : `name one of ${names.map((each) => JSON.stringify(each)).join(', ')}`,
  });
}
