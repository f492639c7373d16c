/** Small conversions between the forms of a layer that the store keeps. */
import { digestOf, hexOf, type Digest } from '../oci/digest.js';
import { fromByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';
import { implicitParents, walkChangeset } from './changeset.js';
import { ChangesetReader } from './changeset-reader.js';
import { lookup } from './tree.js';
import type { BodySource, Changeset, LayerDirectory, Tree } from './types.js';

/** Reads the lines of `serialiseChangeset`, which come many at a time. Throws `store` when they are damaged. */
export async function readChangeset(batches: AsyncIterable<readonly string[]>): Promise<Changeset> {
  const reader = new ChangesetReader();
  for await (const lines of batches) for (const line of lines) reader.addLine(line);
  return reader.end();
}

/** Where the contents of a layer are in its directory form. */
export function directoryBodies(changeset: Changeset, directory: LayerDirectory): BodySource {
  const paths = new Map<Digest, string>();
  for (const [path, entry] of walkChangeset(changeset)) {
    if (entry.kind === 'file') paths.set(entry.digest, path);
  }
  return ({ digest }) => {
    const path = paths.get(digest);
    if (path === undefined)
      throw new TsbuildError('store', `content ${digest} is not in ${fromByteString(directory.path)}`);
    return { kind: 'path', path: `${directory.path}/${path}` };
  };
}

/** A directory form depends on the base only by the metadata of the parents that the layer does not record. */
export function parentsKey(base: Tree, changeset: Changeset): string {
  const parts = implicitParents(changeset).map((path) => {
    const meta = lookup(base, path)?.meta;
    const xattrs = [...(meta?.xattrs ?? [])].map(([name, value]) => [
      name,
      Buffer.from(value).toString('base64'),
    ]);
    return [path, meta?.mode, meta?.uid, meta?.gid, meta?.mtime.toString(), xattrs];
  });
  return hexOf(digestOf(JSON.stringify(parts))).slice(0, 16);
}

/** Sees every chunk before it is passed on. */
export type Tee = (chunk: Uint8Array) => void | Promise<void>;

export async function* teeChunks(source: AsyncIterable<Uint8Array>, tee: Tee): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    await tee(chunk);
    yield chunk;
  }
}
