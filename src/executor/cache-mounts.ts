/**
 * Folders that RUN --mount=type=cache shows, kept between builds: `<root>/<sha256 of what names the cache>/<slot>/data`
 * with a lock beside each `data`. Slots but 0 exist for `sharing=private` only. Whoever uses a slot holds its lock,
 * exclusively with `locked` and `private`, so that other processes wait, or take another slot.
 */
import { chmod, chown, lstat, mkdir, rename, utimes } from 'node:fs/promises';
import { digestOf, hexOf } from '../oci/digest.js';
import { lockFile, type FileLock } from '../sys/lock.js';
import { removeTree } from '../sys/remove-tree.js';
import { bytePath } from '../util/bytes.js';
import { errnoCode } from '../util/errors.js';

export interface CacheRequest {
  /** What tells this cache from others, such as its id; never used as a path. */
  readonly name: readonly string[];
  readonly sharing: 'shared' | 'private' | 'locked';
  /** Of the folder when it is made. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Who owns it where that user does not exist. */
  readonly madeFor?: { readonly uid: number; readonly gid: number } | undefined;
  /** Fills the folder when it is made: given its path, which does not exist. */
  readonly seed?: ((path: string) => Promise<void>) | undefined;
  /** Starts with a new folder, once in the life of this object. */
  readonly reset: boolean;
}

/** Caches in use by a step. */
export interface HeldCaches {
  /** Host paths (byte strings), in the order of the requests. */
  readonly paths: readonly string[];
  readonly release: () => void;
}

const strength = { shared: 0, private: 1, locked: 2 } as const;

export class CacheMounts {
  readonly #reset = new Set<string>();

  /** `root` is an absolute byte string; it is made when it is missing. Caches of one namespace are not seen in another. */
  constructor(
    readonly root: string,
    readonly namespace: string,
  ) {}

  /**
   * Waits for the caches of one step. They are locked in one order by everybody, so that no two steps wait for each
   * other; a cache that is asked for twice is taken once, in the strictest way asked for.
   */
  async hold(requests: readonly CacheRequest[], signal: AbortSignal): Promise<HeldCaches> {
    const byName = new Map<string, CacheRequest>();
    for (const request of requests) {
      const name = this.#folderName(request);
      const known = byName.get(name);
      if (known === undefined || strength[request.sharing] > strength[known.sharing])
        byName.set(name, request);
    }
    const locks: FileLock[] = [];
    const release = (): void => locks.splice(0).forEach((lock) => lock.release());
    const paths = new Map<string, string>();
    try {
      for (const [name, request] of [...byName].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const { path, lock } = await this.#hold(name, request, signal);
        locks.push(lock);
        paths.set(name, path);
      }
    } catch (error) {
      release();
      throw error;
    }
    return { paths: requests.map((request) => paths.get(this.#folderName(request)) ?? ''), release };
  }

  async #hold(name: string, request: CacheRequest, signal: AbortSignal): Promise<Held> {
    const folder = `${this.root}/${name}`;
    await mkdir(bytePath(folder), { recursive: true, mode: 0o700 });
    const reset = request.reset && !this.#reset.has(name);
    this.#reset.add(name);
    if (reset) await this.#discard(folder, signal);
    for (let slot = 0; ; slot += 1) {
      const held = await holdSlot(`${folder}/${slot}`, request, signal);
      if (held !== undefined) return held;
    }
  }

  #folderName({ name, mode, uid, gid }: CacheRequest): string {
    return hexOf(digestOf(JSON.stringify([this.namespace, ...name, mode, uid, gid])));
  }

  /** Deletes the first slot's content as soon as nobody uses it. */
  async #discard(folder: string, signal: AbortSignal): Promise<void> {
    const slot = `${folder}/0`;
    const lock = await lockSlot(slot, 'exclusive', { signal });
    try {
      await discardData(slot);
    } finally {
      lock?.release();
    }
  }
}

interface Held {
  readonly path: string;
  readonly lock: FileLock;
}

/** Undefined when a private cache must look for another slot. */
async function holdSlot(slot: string, request: CacheRequest, signal: AbortSignal): Promise<Held | undefined> {
  const path = `${slot}/data`;
  const wait = request.sharing !== 'private';
  const kind = request.sharing === 'shared' ? 'shared' : 'exclusive';
  for (;;) {
    const lock = await lockSlot(slot, kind, { wait, signal });
    if (lock === undefined) return undefined;
    if (await exists(path)) return await used({ path, lock });
    if (kind === 'exclusive') return await made({ path, lock }, slot, request);
    // A shared cache is made under an exclusive lock, which flock cannot turn into a shared one without a gap.
    lock.release();
    const maker = await lockSlot(slot, 'exclusive', { signal });
    if (maker === undefined) continue;
    if (!(await exists(path))) await made({ path, lock: maker }, slot, request);
    maker.release();
  }
}

async function lockSlot(
  slot: string,
  kind: 'shared' | 'exclusive',
  options: { readonly wait?: boolean; readonly signal: AbortSignal },
): Promise<FileLock | undefined> {
  await mkdir(bytePath(slot), { recursive: true, mode: 0o700 });
  return await lockFile(`${slot}/lock`, kind, options);
}

/** The lock's file tells by its time when the cache was used last. */
async function used(held: Held): Promise<Held> {
  const now = new Date();
  await utimes(bytePath(held.lock.path), now, now).catch(() => undefined);
  return held;
}

/** With the default owner and mode a seeded folder keeps those of its seed. */
const defaultMode = 0o755;

async function made(held: Held, slot: string, request: CacheRequest): Promise<Held> {
  const { seed, mode } = request;
  const { uid, gid } = request.madeFor ?? request;
  const draft = `${slot}/draft`;
  try {
    await removeTree(draft);
    if (seed === undefined) await mkdir(bytePath(draft));
    else await seed(draft);
    if (seed === undefined || uid !== 0 || gid !== 0) await chown(bytePath(draft), uid, gid);
    if (seed === undefined || mode !== defaultMode) await chmod(bytePath(draft), mode);
    await rename(bytePath(draft), bytePath(held.path));
    return held;
  } catch (error) {
    held.lock.release();
    throw error;
  }
}

async function discardData(slot: string): Promise<void> {
  const old = `${slot}/old`;
  await removeTree(old);
  try {
    await rename(bytePath(`${slot}/data`), bytePath(old));
  } catch (error) {
    if (errnoCode(error) !== 'ENOENT') throw error;
  }
  await removeTree(old);
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await lstat(bytePath(path))).isDirectory();
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return false;
    throw error;
  }
}
