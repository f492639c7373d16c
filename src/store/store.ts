import { randomUUID } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { lockFile, type FileLock, type LockOptions } from '../sys/lock.js';
import { TsbuildError } from '../util/errors.js';
import { toByteString } from '../util/bytes.js';
import { openBlobs, type Blobs } from './blobs.js';
import { openDirectories, type Directories } from './directories.js';
import { explained } from './failure.js';
import { writeOciIndex } from './oci-index.js';
import { openRecords, type Records } from './records.js';
import { openReferences, type References } from './references.js';
import { prepareRoot } from './root.js';
import { syncFileSystem } from './sync.js';
import { sweepTemporary, temporaryName } from './temporary.js';

export { storeRoot } from './root.js';

/**
 * The content-addressed state between runs. Any number of processes may share one, any of them may be killed at any
 * instruction, and it may be deleted whenever no process uses it. All failures are TsbuildErrors of code `store`.
 */
export interface Store {
  /** Absolute path. The folder is an OCI image layout. */
  readonly root: string;
  readonly blobs: Blobs;
  readonly references: References;
  readonly directories: Directories;
  /** Records of a bucket, a literal such as `changesets`. */
  records(bucket: string): Records;
  /** A path below `tmp` that nothing uses; what a killed process leaves there is deleted by a later one. */
  temporaryPath(): string;
  /** A new empty folder (mode 0700) below `scratch`, on the file system of the directories, deleted likewise. */
  scratchDirectory(): Promise<string>;
  /**
   * A lock between processes by name (`[a-z0-9-]`, up to 128), to be held under a lease only. Undefined when it is taken
   * and `wait` is false.
   */
  lock(name: string, kind: 'shared' | 'exclusive', options?: LockOptions): Promise<FileLock | undefined>;
  /** Keeps everything from being collected until it is released; waits for a collection under way. */
  lease(options?: LockOptions): Promise<FileLock>;
  /** Derives index.json again: to be called when blobs of known images arrived. */
  updateIndex(): Promise<void>;
  /**
   * Ends the use of the store: directories published by this process are brought to the disk, so that they outlive a
   * reboot. Locks and leases are the caller's to release.
   */
  close(): Promise<void>;
}

const lockName = /^[a-z0-9-]{1,128}$/;
/** Held shared by every lease and exclusively by a collection. */
export const collectionLock = 'gc';
/** Held by whoever writes index.json. */
export const indexLock = 'index';

/** Opens the store at `root` and makes it when it is missing. Throws `store` when it cannot be trusted. */
export async function openStore(root: string): Promise<Store> {
  const path = resolve(root);
  await prepareRoot(path);
  const store = new FileStore(path, await bootId());
  await store.sweep();
  return store;
}

class FileStore implements Store {
  readonly blobs: Blobs;
  readonly references: References;
  readonly directories: Directories;
  readonly #records = new Map<string, Records>();

  constructor(
    readonly root: string,
    boot: string,
  ) {
    this.blobs = openBlobs(root);
    this.references = openReferences(root, () => this.updateIndex());
    this.directories = openDirectories(root, boot);
  }

  records(bucket: string): Records {
    const records = this.#records.get(bucket) ?? openRecords(this.root, bucket);
    this.#records.set(bucket, records);
    return records;
  }

  temporaryPath(): string {
    return join(this.root, 'tmp', temporaryName());
  }

  async scratchDirectory(): Promise<string> {
    const path = join(this.root, 'scratch', temporaryName());
    await explained('cannot make a scratch folder', () => mkdir(path, { mode: 0o700 }));
    return path;
  }

  async lock(
    name: string,
    kind: 'shared' | 'exclusive',
    options: LockOptions = {},
  ): Promise<FileLock | undefined> {
    if (!lockName.test(name)) throw new Error(`not a name of a lock: ${JSON.stringify(name)}`);
    return lockFile(toByteString(join(this.root, 'locks', name)), kind, options);
  }

  async lease(options: LockOptions = {}): Promise<FileLock> {
    const lock = await this.lock(collectionLock, 'shared', options);
    if (lock !== undefined) return lock;
    throw new TsbuildError('store', 'the store is being cleaned up by another process');
  }

  async updateIndex(): Promise<void> {
    const lock = await this.lock(indexLock, 'exclusive');
    try {
      const references = await this.references.list();
      await explained('cannot write index.json', () => writeOciIndex(this.root, this.blobs, references));
    } finally {
      lock?.release();
    }
  }

  async sweep(): Promise<void> {
    for (const folder of ['tmp', 'scratch']) {
      await explained('cannot clean up the store', () => sweepTemporary(join(this.root, folder)));
    }
  }

  async close(): Promise<void> {
    if (!this.directories.hasUnsynced()) return;
    try {
      await syncFileSystem(this.root);
      await this.directories.markSynced();
    } catch {
      // Not marked, they are made again after a reboot.
    }
  }
}

/** Identifies the running kernel (random(4)). Where /proc is missing every process counts as a boot of its own. */
async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => randomUUID())).trim();
}
