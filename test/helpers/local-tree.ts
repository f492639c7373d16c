import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Files below a folder by path: their text, or `-> target` of a link. */
export function filesBelow(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1);
    if (entry.isSymbolicLink()) found[name] = `-> ${readlinkSync(path)}`;
    else if (entry.isFile()) found[name] = readFileSync(path, 'utf8');
  }
  return found;
}

/** Permission bits and modification time in seconds. */
export function statOf(path: string): { readonly mode: string; readonly mtime: number } {
  const { mode, mtimeMs } = lstatSync(path);
  return { mode: (mode & 0o7777).toString(8), mtime: Math.floor(mtimeMs / 1000) };
}
