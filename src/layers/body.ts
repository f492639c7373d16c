import { open, type FileHandle } from 'node:fs/promises';
import { constants } from 'node:fs';
import { bytePath, fromByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';
import type { Body } from './types.js';

const bufferSize = 1 << 18;

/**
 * The bytes of a body in order. Every chunk is memory of its own. Throws `store` when a range reaches past the end of
 * its file. Digest and size are compared by whoever knows the file.
 */
export async function* readBody(body: Body): AsyncGenerator<Uint8Array, void> {
  if (body.kind === 'memory') {
    if (body.bytes.length > 0) yield body.bytes;
    return;
  }
  // A path may have become a fifo since it was seen: opening must not wait for a writer.
  const handle = await open(
    bytePath(body.path),
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  );
  try {
    if (!(await handle.stat()).isFile()) throw notAFile(body.path);
    yield* body.kind === 'path' ? readToEnd(handle) : readRange(handle, body);
  } finally {
    await handle.close();
  }
}

async function* readToEnd(handle: FileHandle): AsyncGenerator<Uint8Array, void> {
  for (let position = 0; ;) {
    const chunk = await readAt(handle, position, bufferSize);
    if (chunk.length === 0) return;
    position += chunk.length;
    yield chunk;
  }
}

async function* readRange(
  handle: FileHandle,
  { path, offset, size }: { path: string; offset: number; size: number },
): AsyncGenerator<Uint8Array, void> {
  for (let done = 0; done < size;) {
    const chunk = await readAt(handle, offset + done, Math.min(bufferSize, size - done));
    if (chunk.length === 0)
      throw new TsbuildError('store', `${JSON.stringify(fromByteString(path))} is too short`);
    done += chunk.length;
    yield chunk;
  }
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function notAFile(path: string): TsbuildError {
  return new TsbuildError('context', `${JSON.stringify(fromByteString(path))} is no longer a regular file`);
}

/** A body of at most `limit` bytes (/etc/passwd and its like). Throws `image` when it is longer. */
export async function readSmallBody(body: Body, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of readBody(body)) {
    size += chunk.length;
    if (size > limit)
      throw new TsbuildError('image', `a file that is read whole is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
