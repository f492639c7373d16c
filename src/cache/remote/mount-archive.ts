import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { linesOf } from '../../layers/byte-lines.js';
import { serialiseChangeset } from '../../layers/changeset-json.js';
import { ChangesetReader } from '../../layers/changeset-reader.js';
import { materialise } from '../../layers/materialise.js';
import { emptyTree } from '../../layers/tree.js';
import type { BodySource, Changeset, LayerDirectory } from '../../layers/types.js';
import { readDirectoryForm } from '../../layers/walk-directory.js';
import { finishDigest, type Digest } from '../../oci/digest.js';
import { bytePath, toByteString } from '../../util/bytes.js';
import { errnoCode, TsbuildError } from '../../util/errors.js';
import type { KeptChunk, KeptMount } from './content.js';
import { ChunkSender, fetchedChunks } from './mount-chunks.js';
import { bytesOfBodies, streamsOf } from './mount-bodies.js';
import {
  contentsOf,
  decodeSlots,
  encodeSlots,
  reusedChunks,
  type Reused,
  type Slot,
} from './mount-contents.js';
import type { RemoteStorage } from './storage.js';

export interface SaveMountOptions {
  readonly storage: Pick<RemoteStorage, 'put' | 'open'>;
  /** What was saved before: chunks that are in there are not sent. */
  readonly known: readonly KeptMount[];
  /** The save that this one would take the place of. */
  readonly before: KeptMount | undefined;
  /** Bytes of all different contents together. */
  readonly limit: number;
}

/**
 * Saves a folder in chunks: the list of its entries, and its contents. Chunks of the save before are kept as long as
 * half of what they hold is needed; contents that are in none of them are cut into new ones. Undefined when nothing
 * changed. Nobody may write to the folder meanwhile. Sockets and what no layer can hold are left out or refused as in
 * layers. Throws `store` for a folder beyond the limit.
 */
export async function saveMount(
  folder: LayerDirectory,
  { storage, known, before, limit }: SaveMountOptions,
): Promise<Pick<KeptMount, 'listing' | 'chunks' | 'digest'> | undefined> {
  const { changeset, path } = await readDirectoryForm(folder);
  const digest = changesetDigest(changeset);
  if (digest === before?.digest) return undefined;
  const contents = contentsOf(changeset);
  const size = [...contents.values()].reduce((sum, file) => sum + file.size, 0);
  if (size > limit) {
    throw new TsbuildError('store', `it has ${size} bytes, more than max-mount-size=${limit}`);
  }
  const reused = await reusedOf(before, contents, storage);
  const there = new Set(reused.slots.map((slot) => (slot.kind === 'content' ? slot.digest : undefined)));
  const streams = streamsOf([...contents.values()].filter((file) => !there.has(file.digest)));
  const sender = new ChunkSender(storage, known);
  const chunks = [...reused.chunks];
  for (const files of streams) chunks.push(...(await sender.send(bytesOfBodies(files, path))));
  const fresh = streams
    .flat()
    .map((file): Slot => ({ kind: 'content', digest: file.digest, size: file.size }));
  const listing = await sender.send(listingBytes([...reused.slots, ...fresh], changeset));
  return { listing, chunks, digest };
}

/** What can be kept of the save before; nothing when its list cannot be had. */
async function reusedOf(
  before: KeptMount | undefined,
  needed: ReadonlyMap<Digest, unknown>,
  storage: Pick<RemoteStorage, 'open'>,
): Promise<Reused<KeptChunk>> {
  if (before === undefined) return { chunks: [], slots: [] };
  try {
    const { slots } = await fetchListing(before, storage);
    return reusedChunks({ chunks: before.chunks, slots }, needed);
  } catch (error) {
    if (!(error instanceof TsbuildError) || error.code === 'cancelled') throw error;
    return { chunks: [], slots: [] };
  }
}

/** The order of the contents in one line, then the lines of the changeset. */
function* listingBytes(slots: readonly Slot[], changeset: Changeset): Generator<Uint8Array> {
  yield Buffer.from(`${JSON.stringify(encodeSlots(slots, changeset))}\n`);
  yield* changesetBytes(changeset);
}

async function fetchListing(
  { listing, digest }: KeptMount,
  storage: Pick<RemoteStorage, 'open'>,
): Promise<{ readonly changeset: Changeset; readonly slots: readonly Slot[] }> {
  const reader = new ChangesetReader();
  let order: string | undefined;
  for await (const lines of linesOf(fetchedChunks(listing, storage))) {
    for (const line of lines) {
      if (order === undefined) order = line;
      else reader.addLine(line);
    }
  }
  const changeset = reader.end();
  if (changesetDigest(changeset) !== digest)
    throw new TsbuildError('image', 'a saved folder is another one than it says');
  return { changeset, slots: decodeSlots(parsed(order), changeset) };
}

function parsed(line: unknown): unknown {
  try {
    return JSON.parse(String(line));
  } catch {
    return undefined;
  }
}

function* changesetBytes(changeset: Changeset): Generator<Uint8Array> {
  for (const line of serialiseChangeset(changeset)) yield Buffer.from(`${line}\n`);
}

function changesetDigest(changeset: Changeset): Digest {
  const hash = createHash('sha256');
  for (const bytes of changesetBytes(changeset)) hash.update(bytes);
  return finishDigest(hash);
}

/**
 * Writes a saved folder to `path`, which must not exist. `temporary` is a path for its contents, which the caller
 * deletes. Throws `image` and `store` when something of it is damaged or gone.
 */
export async function restoreMount(
  mount: KeptMount,
  storage: Pick<RemoteStorage, 'open'>,
  { path, namespace, temporary }: LayerDirectory & { readonly temporary: string },
): Promise<void> {
  const { changeset, slots } = await fetchListing(mount, storage);
  await fetchContents(mount, storage, temporary);
  const bodies = bodiesIn(toByteString(temporary), slots);
  await materialise({ changeset, bodies }, emptyTree(), path, namespace);
}

/** Where the file at `path` has the contents of a folder. They are compared when they are copied. */
function bodiesIn(path: string, slots: readonly Slot[]): BodySource {
  const offsets = new Map<Digest, number>();
  let end = 0;
  for (const slot of slots) {
    if (slot.kind === 'content') offsets.set(slot.digest, end);
    end += slot.size;
  }
  return ({ digest, size }) => {
    const offset = offsets.get(digest);
    if (offset !== undefined) return { kind: 'range', path, offset, size };
    return { kind: 'memory', bytes: Buffer.alloc(0) };
  };
}

async function fetchContents(
  { chunks }: KeptMount,
  storage: Pick<RemoteStorage, 'open'>,
  temporary: string,
): Promise<void> {
  try {
    const handle = await open(bytePath(toByteString(temporary)), 'wx', 0o600);
    try {
      for await (const bytes of fetchedChunks(chunks, storage)) await handle.appendFile(bytes);
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = errnoCode(error);
    if (code === undefined || error instanceof TsbuildError) throw error;
    throw new TsbuildError('store', `a saved folder cannot be written: ${code}`, { cause: error });
  }
}
