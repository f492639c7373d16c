import { isDigest } from '../oci/digest.js';
import type { Store } from '../store/store.js';
import { fromByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';
import type { Body, BodySource } from './types.js';

/**
 * Reads contents, some of which may be in the store. When one of those is not what it should be, the unpacked layer or
 * the blob that has it is deleted and a `damaged` failure is thrown: who begins anew finds it missing, not wrong.
 */
export async function fromSound<T>(
  store: Store,
  bodies: BodySource,
  read: (bodies: BodySource) => Promise<T>,
): Promise<T> {
  let last: Body | undefined;
  try {
    return await read(async (file) => (last = await bodies(file)));
  } catch (error) {
    if (!(error instanceof TsbuildError) || last === undefined || !(await deleteFrom(store, last)))
      throw error;
    throw damagedLayer(error);
  }
}

/** Says that a form of a layer was not what it should be and was deleted. */
export function damagedLayer(cause?: unknown): TsbuildError {
  return new TsbuildError('store', 'a layer in the store was damaged and has been removed', {
    hint: 'run the same command again: what is missing is made or fetched again',
    damaged: true,
    cause,
  });
}

/** Deletes what of the store holds a content; false when it is elsewhere. */
async function deleteFrom({ root, directories, blobs }: Store, body: Body): Promise<boolean> {
  if (body.kind === 'memory') return false;
  const path = fromByteString(body.path);
  if (!path.startsWith(`${root}/`)) return false;
  const [kind, , name = ''] = path.slice(root.length + 1).split('/');
  const digest = `sha256:${name}`;
  if (kind === 'directories') await directories.delete(name);
  else if (kind === 'blobs' && isDigest(digest)) await blobs.delete(digest);
  else return false;
  return true;
}
