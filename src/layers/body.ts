import { errnoCode, TsbuildError } from '../util/errors.js';
import { BodyFiles, type BodyFile } from './body-file.js';
import { quoted } from './path.js';
import { Turns } from './turns.js';
import type { Body } from './types.js';

const bufferSize = 1 << 18;

/**
 * The bytes of a body in order. Every chunk is memory of its own. Throws `store` when a range reaches past the end of
 * its file, `context` when a file has vanished or is no regular file any more. Digest and size are compared by whoever
 * knows the file.
 */
export async function* readBody(body: Body): AsyncGenerator<Uint8Array, void> {
  const files = new BodyFiles();
  try {
    const file = opened(files, body);
    try {
      yield* chunksOf(file, body);
    } finally {
      file.close();
    }
  } finally {
    files.close();
  }
}

async function* chunksOf(file: BodyFile, body: Body): AsyncGenerator<Uint8Array, void> {
  const turns = new Turns();
  let size = 0;
  for (;;) {
    const buffer = Buffer.allocUnsafeSlow(bufferSize);
    const read = file.read(buffer);
    if (read === 0) break;
    size += read;
    yield buffer.subarray(0, read);
    await turns.pause();
  }
  if ((body.kind === 'range' || body.kind === 'sparse') && size < body.size) {
    throw new TsbuildError('store', `${quoted(body.path)} is too short`);
  }
}

function opened(files: BodyFiles, body: Body): BodyFile {
  try {
    return files.open(body);
  } catch (error) {
    const path = body.kind === 'memory' ? '' : body.path;
    throw new TsbuildError('context', `cannot read ${quoted(path)}: ${errnoCode(error) ?? 'unknown'}`, {
      cause: error,
    });
  }
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
