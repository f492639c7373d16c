/** Folders of tests: temporary ones that are removed with whatever is still mounted in them, and a kept cache. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runProgram } from './programs.js';

/** Fixtures that are slow to make live here from one run to the next. */
export const testCache: string =
  process.env['TSBUILD_TEST_CACHE'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tsbuild-test');

export function makeScratch(label: string): string {
  return realpathSync(mkdtempSync(join(tmpdir(), `tsbuild-${label}-`)));
}

/** Unmounts what is mounted below `folder`, the last mounted first, and deletes it. */
export async function removeScratch(folder: string): Promise<void> {
  for (const mount of mountsBelow(folder)) await runProgram(['umount', '-l', mount]);
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

function mountsBelow(folder: string): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replaceAll('\\040', ' '))
    .filter((path) => path.startsWith(`${folder}/`))
    .toReversed();
}

/** A file's text, or its bytes and mode. */
export type FileOf = string | { readonly content: string | Uint8Array; readonly mode: number };

/** Writes files by relative path, making the folders that they need. */
export function writeFiles(folder: string, files: Readonly<Record<string, FileOf>>): void {
  for (const [path, file] of Object.entries(files)) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    if (typeof file === 'string') writeFileSync(target, file);
    else writeFileSync(target, file.content, { mode: file.mode });
  }
}
