import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { loadArchive, type LoadedImage } from '../image/load-archive.js';
import { formatReference } from '../oci/reference.js';
import { imagesOf } from '../store/references.js';
import type { Store } from '../store/store.js';
import { TsbuildError } from '../util/errors.js';
import type { CliContext } from './context.js';
import { shownName } from '../progress/shown-name.js';
import type { LoadRequest } from './image-requests.js';
import { withStore } from './open-store.js';

/** Reads an archive or layout into the store and prints the names that its images have. Resolves to the exit code. */
export async function runLoad(request: LoadRequest, context: CliContext): Promise<number> {
  return withStore(context, async (store) => {
    const lease = await store.lease({ signal: context.signal });
    try {
      const loaded = await loadArchive(await sourceOf(request, context), store);
      if (request.tags.length > 0 && loaded.length > 1) {
        throw new TsbuildError(
          'usage',
          `the archive holds ${loaded.length} images, so --tag does not say which it names`,
        );
      }
      for (const image of loaded) await name(image, request, { store, context });
      return 0;
    } finally {
      lease.release();
    }
  });
}

async function sourceOf(
  { input }: LoadRequest,
  { cwd, stdin }: CliContext,
): Promise<AsyncIterable<Uint8Array> | string> {
  if (input === '-') return stdin as AsyncIterable<Uint8Array>;
  const path = resolve(cwd, input);
  const status = await stat(path).catch((error: unknown) => {
    throw new TsbuildError('archive', `cannot read ${JSON.stringify(input)}`, { cause: error });
  });
  return status.isDirectory() ? path : (createReadStream(path) as AsyncIterable<Uint8Array>);
}

async function name(
  { names, target }: LoadedImage,
  { tags, quiet }: LoadRequest,
  { store, context }: { readonly store: Store; readonly context: CliContext },
): Promise<void> {
  const given = tags.length > 0 ? tags.map(formatReference) : names;
  for (const full of given) await store.references.set(full, target);
  const [image] = imagesOf(target);
  if (given.length === 0) {
    throw new TsbuildError('usage', `the image ${image?.config ?? ''} in the archive has no name`, {
      hint: 'give it one with --tag NAME',
    });
  }
  for (const full of given)
    context.stdout.write(quiet ? `${image?.config ?? ''}\n` : `Loaded ${shownName(full)}\n`);
}
