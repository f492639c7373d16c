import { createHash, hash as hashOnce } from 'node:crypto';
import { readSync } from 'node:fs';
import { finishDigest, type Digest } from '../oci/digest.js';
import type { Turns } from './turns.js';

const buffer = Buffer.allocUnsafeSlow(1 << 20);

/** Digest of an open file of `size` bytes, read from its beginning; undefined when it has become shorter or longer. */
export async function hashOpenFile(fd: number, size: number, turns: Turns): Promise<Digest | undefined> {
  const first = readSync(fd, buffer, 0, buffer.length, 0);
  if (first < buffer.length) {
    if (first !== size) return undefined;
    return `sha256:${hashOnce('sha256', buffer.subarray(0, size), 'hex')}` as Digest;
  }
  return hashLongFile(fd, size, turns);
}

async function hashLongFile(fd: number, size: number, turns: Turns): Promise<Digest | undefined> {
  const hash = createHash('sha256');
  let position = 0;
  for (;;) {
    const read = readSync(fd, buffer, 0, buffer.length, position);
    if (read === 0) break;
    hash.update(buffer.subarray(0, read));
    position += read;
    await turns.pause();
  }
  return position === size ? finishDigest(hash) : undefined;
}

/** As `hashOpenFile`, without ever giving way to others. */
export function hashOpenFileSync(fd: number, size: number): Digest | undefined {
  const hash = createHash('sha256');
  let position = 0;
  for (;;) {
    const read = readSync(fd, buffer, 0, buffer.length, position);
    if (read === 0) break;
    hash.update(buffer.subarray(0, read));
    position += read;
  }
  return position === size ? finishDigest(hash) : undefined;
}
