import { open } from 'node:fs/promises';
import { readBody } from '../../layers/body.js';
import { detectCompression, looksLikeTar, type CompressionKind } from '../../layers/compression.js';
import { bodyInTar, readArchive, type LayerIndex } from '../../layers/read-layer.js';
import type { Body, Changeset, File } from '../../layers/types.js';
import { toByteString } from '../../util/bytes.js';

/** Bytes of the head of a file that tell what it is: one tar block. */
const headSize = 512;

/** How a local file is compressed if it is a tar; undefined when it is none. Its name does not matter (ADD). */
export async function archiveKind(body: Body): Promise<CompressionKind | undefined> {
  const head = await readHead(readBody(body));
  const kind = detectCompression(head);
  if (kind === 'none') return looksLikeTar(head) ? kind : undefined;
  try {
    const { decompress } = await import('../../layers/decompress.js');
    return looksLikeTar(await readHead(decompress(readBody(body), kind))) ? kind : undefined;
  } catch {
    // Not what its first bytes promised: a file like any other.
    return undefined;
  }
}

async function readHead(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= headSize) break;
  }
  return Buffer.concat(chunks).subarray(0, headSize);
}

export interface UnpackedArchive {
  readonly changeset: Changeset;
  readonly body: (file: File) => Body | undefined;
}

/** Reads an archive once: what is in it, and its uncompressed tar at `path`, from which its files are read. */
export async function readArchiveFile(
  body: Body,
  kind: CompressionKind,
  path: string,
): Promise<UnpackedArchive> {
  const handle = await open(path, 'wx', 0o600);
  async function readCopied(): Promise<LayerIndex> {
    try {
      return await readArchive(copied());
    } finally {
      await handle.close();
    }
  }
  async function* copied(): AsyncGenerator<Uint8Array> {
    const { decompress } = await import('../../layers/decompress.js');
    for await (const chunk of decompress(readBody(body), kind)) {
      await handle.writeFile(chunk);
      yield chunk;
    }
  }
  const index = await readCopied();
  const tar = toByteString(path);
  return {
    changeset: index.changeset,
    body: (file) => bodyInTar(index, tar, file),
  };
}
