import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoCode } from '../util/errors.js';

/**
 * Makes a folder and the missing ones above it. Gives the topmost that had to be made, if any; one that is there is
 * left as it is. Throws the failure of the system call. Node's own `recursive` never ends where the kernel answers ENOENT
 * below a folder that exists, as in /proc.
 */
export async function makeFolders(path: string, mode = 0o777): Promise<string | undefined> {
  const failure = await tryMake(path, mode);
  if (failure === undefined) return path;
  const above = dirname(path);
  const code = errnoCode(failure);
  if (code === 'EEXIST' && (await isFolder(path))) return undefined;
  if (code !== 'ENOENT' || above === path) throw failure;
  const topmost = await makeFolders(above, mode);
  const again = await tryMake(path, mode);
  if (again === undefined) return topmost ?? path;
  if (errnoCode(again) === 'EEXIST' && (await isFolder(path))) return topmost; // another process was faster
  throw again;
}

async function tryMake(path: string, mode: number): Promise<unknown> {
  try {
    await mkdir(path, mode);
    return undefined;
  } catch (error) {
    return error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
