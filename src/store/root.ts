import { lstat, mkdir, readdir, readFile } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { makeFolders } from '../sys/make-folders.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import { storeFailure } from './failure.js';
import { publishFile } from './publish.js';

/** Version of the store's layout as a whole; parts that may change alone have a version in their path. */
const layoutVersion = 1;
const versionFile = 'tsbuild-store.json';

/** Folder of the store: $TSBUILD_ROOT, else $XDG_DATA_HOME/tsbuild, else ~/.local/share/tsbuild. */
export function storeRoot(env: Readonly<Record<string, string | undefined>>, home: string): string {
  const own = env['TSBUILD_ROOT'];
  if (own !== undefined && own !== '') return resolve(own);
  const data = env['XDG_DATA_HOME'];
  // The XDG base directory specification: relative paths are to be ignored.
  return join(data !== undefined && isAbsolute(data) ? data : join(home, '.local/share'), 'tsbuild');
}

/** Folders of a store, in the order in which they are made. `tmp` comes first: the version file passes through it. */
const folders = [
  'tmp',
  'scratch',
  'locks',
  'blobs',
  'blobs/sha256',
  'directories',
  'directories/v1',
  'references',
  'references/v1',
  'cache-mounts',
  'cache-mounts/v1',
];

/**
 * Makes what is missing of the store at `root` (mode 0700) and checks what is there. Throws `store` when the folder
 * is a symbolic link, another user's, writable by others, no store, or one of another layout version.
 */
export async function prepareRoot(root: string): Promise<void> {
  try {
    await makeFolders(root, 0o700);
    await checkOwner(root);
    await checkVersion(root);
  } catch (error) {
    throw storeFailure(error, `cannot open the store ${JSON.stringify(root)}`);
  }
}

async function checkOwner(root: string): Promise<void> {
  const status = await lstat(root);
  const shown = JSON.stringify(root);
  const hint = 'set TSBUILD_ROOT to a folder of your own';
  if (status.isSymbolicLink())
    throw new TsbuildError('store', `the store ${shown} is a symbolic link`, { hint });
  if (!status.isDirectory()) throw new TsbuildError('store', `the store ${shown} is not a folder`, { hint });
  if (status.uid !== process.getuid?.()) {
    throw new TsbuildError('store', `the store ${shown} belongs to user ${status.uid}`, { hint });
  }
  if ((status.mode & 0o022) !== 0) {
    throw new TsbuildError('store', `the store ${shown} can be written by other users`, {
      hint: `run chmod 0700 ${root}`,
    });
  }
}

async function checkVersion(root: string): Promise<void> {
  // Foreign names are looked for before the version: a process that makes the store meanwhile writes the version first.
  const foreign = await foreignName(root);
  const found = await readVersion(root);
  if (found === undefined && foreign !== undefined) {
    const problem = `${JSON.stringify(root)} is neither empty nor a store: it has ${JSON.stringify(foreign)}`;
    throw new TsbuildError('store', problem, { hint: 'set TSBUILD_ROOT to a new folder' });
  }
  if (found !== undefined && found !== layoutVersion) throw otherVersion(root, found);
  await makeStoreFolders(root);
  if (found === undefined)
    await publishFile(root, versionFile, `${JSON.stringify({ version: layoutVersion })}\n`);
}

function otherVersion(root: string, found: number): TsbuildError {
  const version = Number.isNaN(found)
    ? 'a damaged version file'
    : `layout version ${found}, not ${layoutVersion}`;
  return new TsbuildError('store', `the store ${JSON.stringify(root)} has ${version}`, {
    hint: 'use the tsbuild that made it, set TSBUILD_ROOT to another folder, or delete it: a store can always be rebuilt',
  });
}

async function makeStoreFolders(root: string): Promise<void> {
  for (const folder of folders) await mkdir(join(root, folder), { recursive: true, mode: 0o700 });
}

/** The version that stands in the store; undefined when no version file is there, NaN when it is damaged. */
async function readVersion(root: string): Promise<number | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(root, versionFile), 'utf8'));
    return typeof value === 'object' && value !== null && 'version' in value
      ? Number(value.version)
      : Number.NaN;
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return undefined;
    if (error instanceof SyntaxError) return Number.NaN;
    throw error;
  }
}

/** A folder without version file may be empty or the beginning of a store whose maker was killed. */
async function foreignName(root: string): Promise<string | undefined> {
  const own = new Set([versionFile, ...folders.map((folder) => folder.split('/')[0])]);
  return (await readdir(root)).find((name) => !own.has(name));
}
