/**
 * Files of many lines whose last line, `sha256:<hex>`, is the digest of everything before it. They are not compressed:
 * gzip at level 1 takes four times as long as hashing and writing together.
 */
import { createHash, type Hash } from 'node:crypto';
import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { finishDigest } from '../oci/digest.js';
import { errnoCode } from '../util/errors.js';
import { clearObstacle } from './evict.js';
import { closing } from './publish.js';
import { temporaryName } from './temporary.js';

const chunkLength = 256 * 1024;
const trailerSize = 'sha256:'.length + 64 + 1;
/** A line longer than this (UTF-16 units) is damage: it would have to fit in memory. */
const maxLine = 64 * 1024 * 1024;

/** Writes the lines to `path` (relative to `root`) by way of a temporary file. Memory is flat. */
export async function writeLines(
  root: string,
  path: string,
  lines: Iterable<string> | AsyncIterable<string>,
): Promise<void> {
  const temporary = join(root, 'tmp', temporaryName());
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await closing(handle, () => writeAll(handle, lines));
    await clearObstacle(root, join(root, path));
    await rename(temporary, join(root, path));
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

async function writeAll(handle: FileHandle, lines: Iterable<string> | AsyncIterable<string>): Promise<void> {
  const hash = createHash('sha256');
  const flush = async (text: string) => {
    const bytes = Buffer.from(text, 'utf8');
    const writing = handle.appendFile(bytes);
    hash.update(bytes);
    await writing;
  };
  let pending = '';
  for await (const line of lines) {
    pending += `${line}\n`;
    if (pending.length < chunkLength) continue;
    await flush(pending);
    pending = '';
  }
  await flush(pending);
  await handle.appendFile(`${finishDigest(hash)}\n`);
}

/**
 * The lines at `path`, many at a time: a promise for each would take longer than reading it. What `damaged` gives is
 * thrown when the digest at the end is missing or another.
 */
export async function* readLines(
  path: string,
  damaged: () => Promise<Error>,
): AsyncIterable<readonly string[]> {
  const handle = await open(path, 'r').catch(async (error: unknown) => {
    throw errnoCode(error) === 'ENOENT' ? await damaged() : error;
  });
  try {
    const hash = createHash('sha256');
    const end = (await handle.stat()).size - trailerSize;
    for await (const lines of lineBatches(handle, hash, end)) {
      if (lines === undefined) throw await damaged();
      yield lines;
    }
    const trailer = await handle.read(Buffer.alloc(trailerSize), 0, trailerSize, Math.max(end, 0));
    if (trailer.buffer.toString('latin1') !== `${finishDigest(hash)}\n`) throw await damaged();
  } finally {
    await handle.close();
  }
}

/** Whole lines up to the offset `end`, many at a time; undefined when no line ends there. */
async function* lineBatches(
  handle: FileHandle,
  hash: Hash,
  end: number,
): AsyncIterable<readonly string[] | undefined> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const buffer = Buffer.allocUnsafeSlow(chunkLength);
  let rest = '';
  for (let at = 0; at < end;) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(chunkLength, end - at), at);
    const bytes = buffer.subarray(0, bytesRead);
    hash.update(bytes);
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (bytesRead === 0 || rest.length > maxLine) break;
    yield lines;
    at += bytesRead;
  }
  if (rest !== '' || end < 0) yield undefined;
}
