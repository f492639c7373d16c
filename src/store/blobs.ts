import { constants, lstatSync } from 'node:fs';
import { open, readdir, type FileHandle } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { digestOf, finishDigest, hexOf, isDigest, type Digest } from '../oci/digest.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import { openBlobWriter, type BlobWriter, type StoredBlob } from './blob-writer.js';
import { clearObstacle, evict } from './evict.js';
import { explained } from './failure.js';
import { publishFile } from './publish.js';

const folder = 'blobs/sha256';
const chunkSize = 256 * 1024;

/** Content-addressed files `blobs/sha256/<hex>`: the blobs of an OCI image layout. All failures are code `store`. */
export interface Blobs {
  /** Whether the blob is there, without reading it. */
  has(digest: Digest): Promise<{ readonly size: number } | undefined>;
  /** Where the blob is or would be. What is read there is not verified. */
  path(digest: Digest): string;
  /**
   * The bytes; digest and size are compared at their end. A damaged blob is removed and `store` is thrown, so only a
   * reader that came to the end may believe what it read.
   */
  open(digest: Digest, expectedSize?: number): AsyncIterable<Uint8Array>;
  /** The whole verified blob, for JSON. Throws when it has more than `limit` bytes. */
  read(digest: Digest, limit: number): Promise<Buffer>;
  put(bytes: Uint8Array): Promise<StoredBlob>;
  /** Starts a blob whose digest is not known yet. More than `limit` bytes are refused as soon as they are written. */
  writer(limit?: number): Promise<BlobWriter>;
  /** Nothing there is no failure. */
  delete(digest: Digest): Promise<void>;
  list(): AsyncIterable<StoredBlob>;
}

/** Blobs of the store at `root`, whose folders exist. */
export function openBlobs(root: string): Blobs {
  const path = (digest: Digest) => join(root, folder, hexOf(digest));
  return {
    has: (digest) => explained('cannot look up a blob', () => sizeOf(path(digest))),
    path,
    open: (digest, expectedSize) => readBlob({ root, path: path(digest), digest, expectedSize }),
    read: (digest, limit) => readWhole({ root, path: path(digest), digest }, limit),
    put: (bytes) => explained('cannot write a blob', () => putBlob(root, bytes)),
    writer: (limit) => openBlobWriter({ root, folder, limit }),
    delete: (digest) => explained('cannot delete a blob', () => evict(root, path(digest))),
    list: () => listBlobs(root),
  };
}

async function sizeOf(path: string): Promise<{ readonly size: number } | undefined> {
  const status = lstatSync(path, { throwIfNoEntry: false });
  return status?.isFile() === true ? { size: status.size } : undefined;
}

async function putBlob(root: string, bytes: Uint8Array): Promise<StoredBlob> {
  const digest = digestOf(bytes);
  const path = `${folder}/${hexOf(digest)}`;
  // What is there was synced before it got its name; readers compare it with its digest.
  if ((await sizeOf(join(root, path)))?.size === bytes.length) return { digest, size: bytes.length };
  await clearObstacle(root, join(root, path));
  await publishFile(root, path, bytes);
  return { digest, size: bytes.length };
}

interface Located {
  readonly root: string;
  readonly path: string;
  readonly digest: Digest;
  readonly expectedSize?: number | undefined;
}

async function* readBlob(blob: Located): AsyncIterable<Uint8Array> {
  const handle = await openRegular(blob);
  const hash = createHash('sha256');
  let size = 0;
  try {
    for await (const chunk of chunksOf(handle)) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  } finally {
    await handle.close();
  }
  if (finishDigest(hash) !== blob.digest) throw await damaged(blob);
  if (blob.expectedSize !== undefined && size !== blob.expectedSize) {
    throw new TsbuildError(
      'store',
      `the blob ${blob.digest} has ${size} bytes, not ${blob.expectedSize} as announced`,
    );
  }
}

async function* chunksOf(handle: FileHandle): AsyncIterable<Uint8Array> {
  for (;;) {
    const buffer = Buffer.allocUnsafeSlow(chunkSize);
    const { bytesRead } = await handle.read(buffer, 0, chunkSize, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Opens without following a link or waiting for a fifo; anything but a regular file is moved away. */
async function openRegular(blob: Located): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(blob.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') throw missing(blob.digest, error);
    if (errnoCode(error) === 'ELOOP' || errnoCode(error) === 'ENXIO') throw await damaged(blob);
    throw error;
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw await damaged(blob);
}

function missing(digest: Digest, cause: unknown): TsbuildError {
  return new TsbuildError('store', `the blob ${digest} is not in the store`, {
    hint: 'build, pull or load the image again',
    damaged: true,
    cause,
  });
}

async function damaged(blob: Located): Promise<TsbuildError> {
  await evict(blob.root, blob.path);
  return new TsbuildError('store', `the blob ${blob.digest} in the store was damaged and has been removed`, {
    damaged: true,
    hint: 'run the same command again: what is missing is made or fetched again',
  });
}

async function readWhole(blob: Located, limit: number): Promise<Buffer> {
  const found = await sizeOf(blob.path);
  if (found !== undefined && found.size > limit) {
    throw new TsbuildError('store', `the blob ${blob.digest} has ${found.size} bytes, more than ${limit}`);
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of readBlob(blob)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* listBlobs(root: string): AsyncIterable<StoredBlob> {
  for (const name of (await readdir(join(root, folder))).sort()) {
    const digest = `sha256:${name}`;
    if (!isDigest(digest)) continue;
    const found = await sizeOf(join(root, folder, name));
    if (found !== undefined) yield { digest, size: found.size };
  }
}
