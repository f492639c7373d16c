/** Secrets of a build: bytes that steps are shown and that nothing else may ever hold. */
import { open } from 'node:fs/promises';
import { errnoCode, TsbuildError } from '../util/errors.js';

/** The largest secret in bytes, as with BuildKit. */
export const maximumSecret = 500 * 1024;

export interface Secrets {
  /** Undefined when no secret of that id was given. */
  get(id: string): Uint8Array | undefined;
}

/** Secrets by id. */
export function secretsOf(values: ReadonlyMap<string, Uint8Array>): Secrets {
  return { get: (id) => values.get(id) };
}

/**
 * Reads a secret's file, which may be a pipe. Throws `usage` when it cannot be read or is too large; messages name the
 * id only, as a path may tell something by mistake.
 */
export async function readSecret(id: string, path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      return await readLimited(file, id);
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = errnoCode(error);
    if (code === undefined || error instanceof TsbuildError) throw error;
    throw new TsbuildError('usage', `the file of secret ${JSON.stringify(id)} cannot be read: ${code}`, {
      hint: 'check the src of --secret',
    });
  }
}

/** Throws `usage` for a secret of more than 500 KiB. */
export function checkSecretSize(id: string, bytes: Uint8Array): void {
  if (bytes.length <= maximumSecret) return;
  throw new TsbuildError('usage', `secret ${JSON.stringify(id)} is larger than ${maximumSecret} bytes`, {
    hint: 'a secret is a token or a key: copy larger files in a stage that is not part of the image',
  });
}

async function readLimited(
  file: { read(buffer: Uint8Array): Promise<{ bytesRead: number }> },
  id: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let size = 0; size <= maximumSecret;) {
    const chunk = new Uint8Array(65536);
    const { bytesRead } = await file.read(chunk);
    if (bytesRead === 0) break;
    size += bytesRead;
    chunks.push(chunk.subarray(0, bytesRead));
  }
  const bytes = Buffer.concat(chunks);
  checkSecretSize(id, bytes);
  return bytes;
}
