import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { finishDigest } from '../oci/digest.js';
import type { BodyFile } from './body-file.js';
import type { Turns } from './turns.js';
import type { File } from './types.js';

const buffer = Buffer.allocUnsafeSlow(1 << 20);

/** Copies a content to an open file while comparing it; false when size or digest are not those of `file`. */
export async function copyVerified(
  source: BodyFile,
  fd: number,
  { file, turns }: { file: File; turns: Turns },
): Promise<boolean> {
  const hash = createHash('sha256');
  let size = 0;
  for (;;) {
    const read = source.read(buffer);
    if (read === 0) break;
    const chunk = buffer.subarray(0, read);
    hash.update(chunk);
    for (let done = 0; done < read;) done += writeSync(fd, chunk, done);
    size += read;
    if (size > file.size) return false;
    if (read === buffer.length) await turns.pause();
  }
  return size === file.size && finishDigest(hash) === file.digest;
}
