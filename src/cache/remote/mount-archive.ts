import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { materialise } from '../../layers/materialise.js';
import { packLayer } from '../../layers/pack.js';
import { bodyInTar, readLayer } from '../../layers/read-layer.js';
import { emptyTree } from '../../layers/tree.js';
import type { LayerDirectory } from '../../layers/types.js';
import { readDirectoryForm } from '../../layers/walk-directory.js';
import { digestOf, finishDigest, type Digest } from '../../oci/digest.js';
import type { Descriptor } from '../../oci/types.js';
import { bytePath, toByteString } from '../../util/bytes.js';
import { TsbuildError } from '../../util/errors.js';
import { blobOf, cacheTypes } from './artifact.js';
import { ChunkCutter } from './chunk-cutter.js';
import type { KeptChunk, KeptMount } from './content.js';
import { readBlob } from './read-blob.js';
import type { RemoteStorage } from './storage.js';

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** Bytes of the largest chunk that is read, and chunks that are fetched ahead. */
const limits = { chunk: 16 * 1024 * 1024, ahead: 4 };

/**
 * Saves a folder in chunks, of which only those are sent that `known` does not have. Nobody may write to it meanwhile.
 * Sockets and what no layer can hold are left out or refused as in layers.
 */
export async function saveMount(
  folder: LayerDirectory,
  storage: Pick<RemoteStorage, 'put'>,
  known: readonly KeptMount[],
): Promise<Pick<KeptMount, 'chunks' | 'digest'>> {
  const { changeset, path } = await readDirectoryForm(folder);
  const there = new Map(known.flatMap(({ chunks }) => chunks.map((chunk) => [chunk.plain, chunk])));
  const chunks: KeptChunk[] = [];
  const save = async (bytes: Buffer): Promise<void> => {
    const plain = digestOf(bytes);
    const chunk = there.get(plain) ?? { plain, blob: await send(bytes, storage) };
    there.set(plain, chunk);
    chunks.push(chunk);
  };
  const cutter = new ChunkCutter();
  const { diffId } = await packLayer(changeset, path, async (bytes) => {
    for (const chunk of cutter.push(bytes)) await save(chunk);
  });
  const rest = cutter.end();
  if (rest !== undefined) await save(rest);
  return { chunks, digest: diffId };
}

async function send(bytes: Buffer, storage: Pick<RemoteStorage, 'put'>): Promise<Descriptor> {
  const blob = blobOf(cacheTypes.chunk, await compress(bytes, { level: 4 }));
  await storage.put(blob);
  return blob.descriptor;
}

/**
 * Writes a saved folder to `path`, which must not exist. `temporary` is a path for the archive, which the caller deletes.
 * Throws `image` and `store` when something of it is damaged or gone.
 */
export async function restoreMount(
  mount: KeptMount,
  storage: Pick<RemoteStorage, 'open'>,
  { path, namespace, temporary }: LayerDirectory & { readonly temporary: string },
): Promise<void> {
  await fetchArchive(mount, storage, temporary);
  const index = await readLayer(createReadStream(temporary));
  const archive = toByteString(temporary);
  await materialise(
    {
      changeset: index.changeset,
      bodies: (file) => {
        const body = bodyInTar(index, archive, file);
        if (body !== undefined) return body;
        throw new TsbuildError('store', `the content ${file.digest} is not in the saved folder`);
      },
    },
    emptyTree(),
    path,
    namespace,
  );
}

async function fetchArchive(
  { chunks, digest }: KeptMount,
  storage: Pick<RemoteStorage, 'open'>,
  temporary: string,
): Promise<void> {
  const handle = await open(bytePath(toByteString(temporary)), 'wx', 0o600);
  const hash = createHash('sha256');
  try {
    for await (const bytes of fetched(chunks, storage)) {
      hash.update(bytes);
      await handle.appendFile(bytes);
    }
  } finally {
    await handle.close();
  }
  if (finishDigest(hash) !== digest)
    throw new TsbuildError('image', 'a saved folder has other bytes than it says');
}

/** The chunks in order, some of them fetched ahead. */
async function* fetched(
  chunks: readonly KeptChunk[],
  storage: Pick<RemoteStorage, 'open'>,
): AsyncGenerator<Buffer> {
  const pending: Promise<Buffer>[] = [];
  const begin = (chunk: KeptChunk | undefined): void => {
    if (chunk === undefined) return;
    const fetching = fetchChunk(chunk, storage);
    // It is awaited below, unless one before it fails.
    fetching.catch(() => undefined);
    pending.push(fetching);
  };
  for (const chunk of chunks.slice(0, limits.ahead)) begin(chunk);
  for (let next = limits.ahead; pending.length > 0; next++) {
    const bytes = await pending.shift();
    begin(chunks[next]);
    if (bytes !== undefined) yield bytes;
  }
}

async function fetchChunk({ plain, blob }: KeptChunk, storage: Pick<RemoteStorage, 'open'>): Promise<Buffer> {
  const compressed = await readBlob((descriptor) => storage.open(descriptor), blob, limits.chunk);
  const bytes = await decompress(compressed, { maxOutputLength: limits.chunk }).catch((cause: unknown) => {
    throw new TsbuildError('image', `the chunk ${blob.digest} cannot be read`, { cause });
  });
  if (digestOf(bytes) === (plain satisfies Digest)) return bytes;
  throw new TsbuildError('image', `the chunk ${blob.digest} holds other bytes than it says`);
}
