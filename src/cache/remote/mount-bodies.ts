import { createHash } from 'node:crypto';
import { BodyFiles } from '../../layers/body-file.js';
import { Turns } from '../../layers/turns.js';
import type { BodySource, File } from '../../layers/types.js';
import { finishDigest } from '../../oci/digest.js';
import { TsbuildError } from '../../util/errors.js';

/** Bytes from which on a content is cut for itself, so that its cuts do not depend on what stands beside it. */
const largeContent = 1024 * 1024;

/** Contents that are cut as one stream: small ones together, in their order, and large ones alone. */
export function streamsOf(files: readonly File[]): readonly (readonly File[])[] {
  const small = files.filter(({ size }) => size < largeContent);
  const large = files.filter(({ size }) => size >= largeContent);
  return [...(small.length === 0 ? [] : [small]), ...large.map((file) => [file])];
}

/** Bytes that are read at a time. */
const readSize = 512 * 1024;

/**
 * The bytes of the files one after the other. The memory of a piece is used again for the next one. Throws `store` when
 * a file is not what it was when it was hashed.
 */
export async function* bytesOfBodies(files: readonly File[], bodies: BodySource): AsyncGenerator<Uint8Array> {
  const opened = new BodyFiles();
  const turns = new Turns();
  const buffer = Buffer.allocUnsafe(readSize);
  try {
    for (const file of files) {
      const body = opened.open(await bodies(file));
      try {
        const hash = createHash('sha256');
        let size = 0;
        for (let read = body.read(buffer); read > 0; read = body.read(buffer)) {
          const piece = buffer.subarray(0, read);
          hash.update(piece);
          size += read;
          yield piece;
          await turns.pause();
        }
        if (size !== file.size || finishDigest(hash) !== file.digest)
          throw new TsbuildError('store', 'a file of it changed while it was being read');
      } finally {
        body.close();
      }
    }
  } finally {
    opened.close();
  }
}
