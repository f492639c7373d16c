import { open, realpath } from 'node:fs/promises';
import { archiveKind, readArchiveFile, type UnpackedArchive } from '../graph/runners/archive-source.js';
import { apply } from '../layers/apply.js';
import { readBody } from '../layers/body.js';
import { bodyInTar, readArchive } from '../layers/read-layer.js';
import type { ScannedContext } from '../layers/scan-context.js';
import { emptyTree } from '../layers/tree.js';
import type { Body } from '../layers/types.js';
import { toByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';
import type { TemporaryFiles } from './temporary-files.js';

/** Bytes of a context on standard input. */
const defaultLimit = 50 * 2 ** 30;

/**
 * The files of a tar, compressed or not; undefined when the file is no tar. It is never unpacked: the files are a
 * value, their bytes ranges of the tar. Throws `archive` for an archive that is damaged.
 */
export async function tarContext(
  path: string,
  temporary: TemporaryFiles,
): Promise<ScannedContext | undefined> {
  const file: Body = { kind: 'path', path: toByteString(await realpath(path)) };
  const kind = await archiveKind(file);
  if (kind === undefined) return undefined;
  const archive =
    kind === 'none' ? await readInPlace(file) : await readArchiveFile(file, kind, temporary.file());
  return {
    tree: apply(emptyTree(), archive.changeset),
    excluded: new Map(),
    hash: () => Promise.resolve(),
    body: (wanted) => {
      const body = archive.body(wanted);
      if (body === undefined) throw new TsbuildError('context', 'a file is not part of the build context');
      return body;
    },
  };
}

/** A plain tar needs no copy: readers compare what they read with the digests found here. */
async function readInPlace(tar: Extract<Body, { kind: 'path' }>): Promise<UnpackedArchive> {
  const index = await readArchive(readBody(tar));
  return { changeset: index.changeset, body: (file) => bodyInTar(index, tar.path, file) };
}

/** Writes a stream to a temporary file and resolves to its size in bytes. Throws `context` beyond the limit. */
export async function spool(
  source: AsyncIterable<Uint8Array>,
  path: string,
  limit = defaultLimit,
): Promise<number> {
  const handle = await open(path, 'wx', 0o600);
  let size = 0;
  try {
    for await (const chunk of source) {
      size += chunk.length;
      if (size > limit) throw new TsbuildError('context', `the build context is larger than ${limit} bytes`);
      await handle.writeFile(chunk);
    }
  } finally {
    await handle.close();
  }
  return size;
}
