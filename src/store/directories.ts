import { lstat, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoCode, TsbuildError } from '../util/errors.js';
import { evict } from './evict.js';
import { explained } from './failure.js';
import { removeTree } from './remove-tree.js';
import { temporaryName } from './temporary.js';

/**
 * Whole folders by name, `directories/v1/<name>/data`; beside `data` stands `boot`, the boot id of the machine when
 * it was published. Their many files are not synchronised one by one, so a folder of an earlier boot counts only
 * when `synced` stands beside it too; otherwise it is deleted and made again.
 */
export interface Directories {
  /** Path of the published folder; undefined when there is none. */
  get(name: string): Promise<string | undefined>;
  /** The published folder, or a new one that `fill` fills. When several processes make it, the first one's counts. */
  create(name: string, fill: (path: string) => Promise<void>): Promise<string>;
  /** Takes over the folder at `path`, which must be on the store's file system. A folder published already wins. */
  adopt(name: string, path: string): Promise<string>;
  /** Puts a short text beside a published folder, by which its maker knows it again. May be lost or torn. */
  seal(name: string, text: string): Promise<void>;
  sealOf(name: string): Promise<string | undefined>;
  /** Nothing there is no failure. */
  delete(name: string): Promise<void>;
  list(): Promise<readonly string[]>;
  /** Whether this process published folders since `markSynced`. */
  hasUnsynced(): boolean;
  /** Says that everything published so far has reached the disk (syncfs or sync came back). */
  markSynced(): Promise<void>;
}

const folder = 'directories/v1';
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

/** Directories of the store at `root`, whose folders exist. `bootId` identifies the running kernel. */
export function openDirectories(root: string, bootId: string): Directories {
  return new FileDirectories(root, bootId);
}

class FileDirectories implements Directories {
  readonly #published = new Set<string>();

  constructor(
    private readonly root: string,
    private readonly bootId: string,
  ) {}

  get(name: string): Promise<string | undefined> {
    return explained('cannot look up a folder of the store', () => this.#get(name));
  }

  create(name: string, fill: (path: string) => Promise<void>): Promise<string> {
    return explained('cannot make a folder of the store', async () => {
      const existing = await this.#get(name);
      if (existing !== undefined) return existing;
      return this.#publish(name, async (data) => {
        await mkdir(data, { mode: 0o700 });
        await fill(data);
      });
    });
  }

  adopt(name: string, path: string): Promise<string> {
    return explained('cannot move a folder into the store', async () => {
      const existing = await this.#get(name);
      if (existing === undefined) return this.#publish(name, (data) => move(path, data));
      await evict(this.root, path);
      return existing;
    });
  }

  seal(name: string, text: string): Promise<void> {
    return explained('cannot seal a folder of the store', () =>
      writeFile(join(this.#path(name), 'seal'), text, { mode: 0o600 }),
    );
  }

  async sealOf(name: string): Promise<string | undefined> {
    return readFile(join(this.#path(name), 'seal'), 'utf8').catch(() => undefined);
  }

  delete(name: string): Promise<void> {
    return explained('cannot delete a folder of the store', () => evict(this.root, this.#path(name)));
  }

  async list(): Promise<readonly string[]> {
    return (await readdir(join(this.root, folder))).filter((name) => namePattern.test(name)).sort();
  }

  hasUnsynced(): boolean {
    return this.#published.size > 0;
  }

  async markSynced(): Promise<void> {
    for (const name of this.#published) {
      await writeFile(join(this.#path(name), 'synced'), '', { mode: 0o600 }).catch(() => undefined);
      this.#published.delete(name);
    }
  }

  #path(name: string): string {
    if (!namePattern.test(name)) throw new Error(`not a name of a stored folder: ${JSON.stringify(name)}`);
    return join(this.root, folder, name);
  }

  async #get(name: string): Promise<string | undefined> {
    const path = this.#path(name);
    const data = join(path, 'data');
    if (!(await exists(path))) return undefined;
    if ((await isFolder(data)) && (await this.#isSound(path))) return data;
    await evict(this.root, path);
    return undefined;
  }

  async #isSound(path: string): Promise<boolean> {
    const boot = await readFile(join(path, 'boot'), 'utf8').catch(() => undefined);
    return boot !== undefined && (boot === this.bootId || (await exists(join(path, 'synced'))));
  }

  async #publish(name: string, make: (data: string) => Promise<void>): Promise<string> {
    const temporary = join(this.root, 'tmp', temporaryName());
    await mkdir(temporary, { mode: 0o700 });
    try {
      await make(join(temporary, 'data'));
      await writeFile(join(temporary, 'boot'), this.bootId, { mode: 0o600 });
      return await this.#settle(name, temporary);
    } finally {
      // After the rename there is nothing left here.
      await removeTree(temporary);
    }
  }

  async #settle(name: string, temporary: string): Promise<string> {
    const path = this.#path(name);
    try {
      await rename(temporary, path);
      this.#published.add(name);
      return join(path, 'data');
    } catch (error) {
      const winner = isTaken(error) ? await this.#get(name) : undefined;
      if (winner !== undefined) return winner;
      throw error;
    }
  }
}

function isTaken(error: unknown): boolean {
  return ['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errnoCode(error) ?? '');
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errnoCode(error) !== 'EXDEV') throw error;
    throw new TsbuildError(
      'store',
      `the folder ${JSON.stringify(from)} is on another file system than the store`,
      {
        cause: error,
      },
    );
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isDirectory() ?? false;
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}
