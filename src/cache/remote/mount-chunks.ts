import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import pLimit from 'p-limit';
import { digestOf, type Digest } from '../../oci/digest.js';
import { TsbuildError } from '../../util/errors.js';
import { blobOf, cacheTypes } from './artifact.js';
import { ChunkCutter } from './chunk-cutter.js';
import type { KeptChunk, KeptMount } from './content.js';
import { readBlob } from './read-blob.js';
import type { RemoteStorage } from './storage.js';

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** Bytes of the largest chunk that is read; chunks that are fetched ahead, and that are compressed and sent at a time. */
const limits = { chunk: 16 * 1024 * 1024, ahead: 4, sent: 4 };

/** Sends the chunks of streams, some at a time, each once. */
export class ChunkSender {
  readonly #limit = pLimit(limits.sent);
  readonly #known: Map<Digest, Promise<KeptChunk>>;

  constructor(
    private readonly storage: Pick<RemoteStorage, 'put'>,
    known: readonly KeptMount[],
  ) {
    const chunks = known.flatMap((mount) => [...mount.listing, ...mount.chunks]);
    this.#known = new Map(chunks.map((chunk) => [chunk.plain, Promise.resolve(chunk)]));
  }

  async send(stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<readonly KeptChunk[]> {
    const chunks: Promise<KeptChunk>[] = [];
    const cutter = new ChunkCutter();
    for await (const bytes of stream) {
      for (const chunk of cutter.push(bytes)) {
        chunks.push(this.#send(chunk));
        await this.#space(chunks);
      }
    }
    const rest = cutter.end();
    if (rest !== undefined) chunks.push(this.#send(rest));
    return Promise.all(chunks);
  }

  /** Keeps few chunks in memory. Throws when one could not be sent. */
  async #space(chunks: readonly Promise<KeptChunk>[]): Promise<void> {
    if (this.#limit.pendingCount > 0) await chunks.at(-limits.sent);
  }

  #send(bytes: Buffer): Promise<KeptChunk> {
    const plain = digestOf(bytes);
    const known = this.#known.get(plain);
    if (known !== undefined) return known;
    const sent = this.#limit(async (): Promise<KeptChunk> => {
      const blob = blobOf(cacheTypes.chunk, await compress(bytes, { level: 4 }));
      await this.storage.put(blob);
      return { plain, size: bytes.length, blob: blob.descriptor };
    });
    // It is awaited by `send`, unless one before it fails.
    sent.catch(() => undefined);
    this.#known.set(plain, sent);
    return sent;
  }
}

/** The chunks in order, some of them fetched ahead. */
export async function* fetchedChunks(
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
  if (digestOf(bytes) === plain) return bytes;
  throw new TsbuildError('image', `the chunk ${blob.digest} holds other bytes than it says`);
}
