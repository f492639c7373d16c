import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { temporaryName } from './temporary.js';

export interface PublishOptions {
  /** Whether the file must survive a power cut once this returns. Without it, a reader must detect a torn file. */
  readonly durable?: boolean;
}

/**
 * Puts a whole file at `path` (relative to `root`) so that a reader sees the old one or the new one:
 * temporary file of mode 0600 → write → fsync → rename → fsync of the folder. The folder must exist.
 */
export async function publishFile(
  root: string,
  path: string,
  data: string | Uint8Array,
  { durable = true }: PublishOptions = {},
): Promise<void> {
  const temporary = join(root, 'tmp', temporaryName());
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await closing(handle, async () => {
      await handle.writeFile(data);
      if (durable) await handle.sync();
    });
    await rename(temporary, join(root, path));
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  if (durable) await syncFolder(dirname(join(root, path)));
}

/** Runs `work` and closes the handle whatever happens; a failure to close counts (delayed ENOSPC). */
export async function closing<T>(handle: FileHandle, work: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await handle.close().catch(() => undefined);
    throw error;
  }
  await handle.close();
  return result;
}

/** Makes the names in a folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await closing(handle, () => handle.sync());
}
