import { mkdir, rm } from 'node:fs/promises';
import type { KeptMount } from '../cache/remote/content.js';
import { restoreMount, saveMount } from '../cache/remote/mount-archive.js';
import type { CacheTargetOption, MountChoice } from '../cache/remote/options.js';
import type { RemoteSource } from '../cache/remote/remote-source.js';
import { newSalt, saltedMount } from '../cache/remote/salt.js';
import { CacheMounts, type CacheRequest, type HeldCaches } from '../executor/cache-mounts.js';
import { ownOverlayNamespace } from '../layers/own-namespace.js';
import type { Job } from '../progress/event.js';
import type { Store } from '../store/store.js';
import { removeTree } from '../sys/remove-tree.js';
import { bytePath, toByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';

export interface TravelTools {
  readonly store: Store;
  readonly job: Job;
  /** Caches that folders are restored from, in order. */
  readonly sources: readonly RemoteSource[];
}

/** Cache mounts that a machine without them takes from a remote cache, and that are saved there after the build. */
export class TravellingMounts extends CacheMounts {
  readonly #used = new Map<string, CacheRequest>();

  constructor(
    root: string,
    namespace: string,
    private readonly tools: TravelTools,
  ) {
    super(root, namespace);
  }

  override async hold(requests: readonly CacheRequest[], signal: AbortSignal): Promise<HeldCaches> {
    const held = await super.hold(
      await Promise.all(requests.map((request) => this.#seeded(request))),
      signal,
    );
    for (const request of requests) this.#used.set(JSON.stringify(this.#parts(request)), request);
    return held;
  }

  /** Saves the folders that this build used. Each is locked while it is read; one that cannot be saved is a warning. */
  async save(
    { mounts: choice, mountLimit }: Pick<CacheTargetOption, 'mounts' | 'mountLimit'>,
    target: RemoteSource,
  ): Promise<readonly KeptMount[]> {
    const chosen = [...this.#used.values()].filter(({ name }) => isChosen(choice, name[0] ?? ''));
    if (chosen.length === 0) return [];
    const { mounts } = await target.content();
    const known = [...mounts.values()];
    const saved: KeptMount[] = [];
    for (const request of chosen) {
      const save = () => this.#save(request, { target, known, limit: mountLimit });
      const mount = await this.#orWarning('saved', request, save);
      if (mount !== undefined) saved.push(mount);
    }
    return saved;
  }

  async #save(request: CacheRequest, { target, known, limit }: SaveTarget): Promise<KeptMount | undefined> {
    const { signal } = this.tools.job;
    const before = this.#find(request, known);
    const held = await super.hold([{ ...request, sharing: 'locked', reset: false }], signal);
    try {
      const [path = ''] = held.paths;
      const folder = { path, namespace: ownOverlayNamespace(path) };
      const saved = await saveMount(folder, { storage: target.storage, known, before, limit });
      if (saved === undefined) return undefined;
      const salt = before?.salt ?? known[0]?.salt ?? newSalt();
      return { salt, name: saltedMount(salt, this.#parts(request)), saved: Date.now(), ...saved };
    } finally {
      held.release();
    }
  }

  /** A request whose folder, when it is made, is taken from the first cache that has it. */
  async #seeded(request: CacheRequest): Promise<CacheRequest> {
    for (const source of this.tools.sources) {
      const { mounts } = await source.content();
      const mount = this.#find(request, [...mounts.values()]);
      if (mount !== undefined)
        return { ...request, seed: (path) => this.#restore(request, { mount, source, path }) };
    }
    return request;
  }

  async #restore(
    request: CacheRequest,
    {
      mount,
      source,
      path,
    }: { readonly mount: KeptMount; readonly source: RemoteSource; readonly path: string },
  ): Promise<void> {
    const temporary = this.tools.store.temporaryPath();
    try {
      const restored = await this.#orWarning('restored', request, async () => {
        await restoreMount(mount, source.storage, {
          path,
          namespace: ownOverlayNamespace(toByteString(this.tools.store.root)),
          temporary,
        });
        return true;
      });
      if (restored === true) return;
      await removeTree(path);
      if (request.seed === undefined) await mkdir(bytePath(path), request.mode);
      else await request.seed(path);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  #find(request: CacheRequest, mounts: readonly KeptMount[]): KeptMount | undefined {
    const parts = this.#parts(request);
    const found = mounts.filter(({ salt, name }) => saltedMount(salt, parts) === name);
    return found.sort((a, b) => b.saved - a.saved)[0];
  }

  #parts({ name, mode, uid, gid }: CacheRequest): readonly string[] {
    return [this.namespace, ...name, String(mode), String(uid), String(gid)];
  }

  async #orWarning<T>(what: string, { name }: CacheRequest, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof TsbuildError) || error.code === 'cancelled') throw error;
      const message = `the cache mount ${JSON.stringify(name[0])} was not ${what}: ${error.message}`;
      this.tools.job.emit({ kind: 'warning', message });
      return undefined;
    }
  }
}

interface SaveTarget {
  readonly target: RemoteSource;
  readonly known: readonly KeptMount[];
  /** Bytes. */
  readonly limit: number;
}

function isChosen(choice: MountChoice, id: string): boolean {
  return choice === 'all' || (choice !== 'none' && choice.has(id));
}
