import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { ImageTarget } from '../store/references.js';
import type { Store } from '../store/store.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import { folderFiles, readArchiveFiles, type ArchiveFiles } from './archive-files.js';
import { loadDockerArchive } from './load-docker.js';
import { loadFromLayout, loadOciLayout, type LayoutChoice } from './load-oci.js';

/** An image whose blobs are in the store now. */
export interface LoadedImage {
  /** Normalised; none when the archive gives no whole name. */
  readonly names: readonly string[];
  readonly target: ImageTarget;
}

/**
 * Reads the images of an archive into the store: a tar of an OCI layout or of `docker save`, compressed or not, as a
 * stream or a file, or a folder with an OCI layout. Every blob is compared with its digest and every layer with its
 * DiffID. The caller holds a lease and gives the names to the targets. Throws `archive` and `image`.
 */
export async function loadArchive(
  source: AsyncIterable<Uint8Array> | string,
  store: Store,
): Promise<readonly LoadedImage[]> {
  const files = await filesOf(source, store);
  if ((await files.find('index.json')) !== undefined) return loadOciLayout(files, store);
  if ((await files.find('manifest.json')) !== undefined) return loadDockerArchive(files, store);
  throw new TsbuildError('archive', 'the archive has neither an index.json nor a manifest.json', {
    hint: 'give what docker save, podman save or tsbuild -o type=oci wrote',
  });
}

/** Reads one image of a folder or tar with an OCI layout into the store. Throws `archive` and `image`. */
export async function loadLayoutImage(
  path: string,
  store: Store,
  choice: LayoutChoice,
): Promise<ImageTarget> {
  return loadFromLayout(await filesOf(path, store), store, choice);
}

async function filesOf(source: AsyncIterable<Uint8Array> | string, store: Store): Promise<ArchiveFiles> {
  if (typeof source !== 'string') return readArchiveFiles(source, store);
  try {
    if ((await stat(source)).isDirectory()) return folderFiles(source, store);
    return await readArchiveFiles(createReadStream(source, { highWaterMark: 1 << 18 }), store);
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
    throw new TsbuildError('archive', `cannot read ${JSON.stringify(source)}: ${errnoCode(error)}`, {
      cause: error,
    });
  }
}
