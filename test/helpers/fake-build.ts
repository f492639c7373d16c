import { mkdtemp, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { AttachedCaches, RemoteCaches } from '../../src/build/remote-caches.js';
import { stepClaims } from '../../src/cache/claim-step.js';
import { FileListings } from '../../src/cache/file-listing.js';
import { LocalCache } from '../../src/cache/local-cache.js';
import { CacheMounts } from '../../src/executor/cache-mounts.js';
import { cdiDevices } from '../../src/executor/cdi/read-specs.js';
import { secretsOf } from '../../src/executor/secrets.js';
import { sshAgents } from '../../src/executor/ssh-agents.js';
import type { ExecResult, ExecSpec, Executor, StepLimits } from '../../src/executor/types.js';
import { proxyVariables } from '../../src/graph/lower/arguments.js';
import { lower } from '../../src/graph/lower/lower.js';
import type { LowerRequest, Lowered, ResolvedImage } from '../../src/graph/lower/lowering.js';
import type { Workshop } from '../../src/graph/runner.js';
import { MountViews } from '../../src/graph/runners/mount-sources.js';
import { Solver, type SolverOptions } from '../../src/graph/solver.js';
import { isLayerRef, type Layer, type LayerRef } from '../../src/layers/layer.js';
import { LayerStore, type LayerStoreOptions } from '../../src/layers/layer-store.js';
import { scanContext, type ContextFilter } from '../../src/layers/scan-context.js';
import { walkTree } from '../../src/layers/walk-tree.js';
import { canonicalJson } from '../../src/oci/canonical-json.js';
import { digestOf, type Digest, type DiffID } from '../../src/oci/digest.js';
import { mediaTypes } from '../../src/oci/media-types.js';
import type { Platform } from '../../src/oci/platform.js';
import type { ImageConfig } from '../../src/oci/types.js';
import { assertBuildable } from '../../src/parser/assert-buildable.js';
import { parseDockerfile } from '../../src/parser/parse.js';
import type { BuildEvent } from '../../src/progress/event.js';
import { openStore, type Store } from '../../src/store/store.js';
import { applyAttributes } from '../../src/sys/attributes.js';
import { removeTree } from '../../src/sys/remove-tree.js';
import { toByteString } from '../../src/util/bytes.js';
import { tarOf } from './stores.js';

/** What one build did. */
export interface FakeResult {
  /** Commands that were executed, in the order in which they began. */
  readonly ran: readonly string[];
  /** Names of the steps that were taken from the cache. */
  readonly cached: readonly string[];
  /** Steps that were done and why, as far as that is known. */
  readonly missed: ReadonlyMap<string, string>;
  /** Content digest of the result. */
  readonly content: Digest;
  readonly layers: readonly Layer[];
  readonly events: readonly BuildEvent[];
  /** Paths of the resulting tree with the content of files. */
  readonly files: ReadonlyMap<string, string>;
}

export interface FakeOptions {
  readonly ignoreCache?: LowerRequest['ignoreCache'] | undefined;
  readonly target?: string | undefined;
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly platform?: Platform | undefined;
  /** Configs of base images by name; a name that is not here is an image without layers. */
  readonly bases?: Readonly<Record<string, object>> | undefined;
  /** Layers of base images by name: of each layer the name of its one file, which is also its content. */
  readonly baseLayers?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly network?: LowerRequest['network'] | undefined;
  readonly entitlements?: LowerRequest['entitlements'] | undefined;
  /** Is told the commands of steps that the solver expects to run. */
  readonly expected?: string[] | undefined;
  /** What steps get besides: in no key. */
  readonly limits?: StepLimits | undefined;
  readonly extraHosts?: ExecSpec['extraHosts'] | undefined;
  readonly secrets?: Readonly<Record<string, string>> | undefined;
  readonly ignore?: ContextFilter | undefined;
  /** Milliseconds. */
  readonly ttl?: number | undefined;
  readonly now?: (() => number) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Remote caches that are read and, when the build ended well, written. */
  readonly caches?: RemoteCaches | undefined;
  /** Blobs of repositories; nothing is fetched without it. */
  readonly fetch?: LayerStoreOptions['fetch'] | undefined;
  /** Seconds since 1970, for the remote caches. */
  readonly epoch?: number | undefined;
  /** Called when a command begins. */
  readonly onRun?: ((command: string) => unknown) | undefined;
}

/**
 * Builds with the real graph, cache, layers and store, and an executor that plays commands instead of running them:
 * `write PATH TEXT` and `put PATH TEXT` make a file, `count PATH` one with another content each time, `fail N` exits
 * with N, `many PATH N` makes N files, `slow PATH TEXT` takes a moment to make a file,
 * `attribute PATH VALUE` makes a file with an extended attribute, `meet N` waits until N commands wait at once.
 */
export class FakeBuild {
  readonly #waiting: (() => void)[] = [];
  #counter = 0;

  private constructor(
    readonly folder: string,
    readonly context: string,
    readonly store: Store,
  ) {}

  /** In a new folder, or in one that another process made. */
  static async open(shared?: string): Promise<FakeBuild> {
    const folder = shared ?? (await mkdtemp(join(tmpdir(), 'tsbuild-fake-')));
    const context = join(folder, 'context');
    await mkdir(context, { recursive: true });
    return new FakeBuild(folder, context, await openStore(join(folder, 'store')));
  }

  async close(): Promise<void> {
    await this.store.close();
    await removeTree(toByteString(this.folder));
  }

  async put(path: string, text: string): Promise<void> {
    const file = join(this.context, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }

  async build(text: string, options: FakeOptions = {}): Promise<FakeResult> {
    const ran: string[] = [];
    const events: BuildEvent[] = [];
    const { lowered, solving, caches } = await this.prepare(text, options, { ran, events });
    const snapshot = await new Solver(solving).solve(lowered.vertex);
    const files = await contents(snapshot);
    const image = snapshot.layers.map(({ ref }) => ref);
    await caches?.finish([{ image, epoch: options.epoch }]).done;
    return {
      ran,
      events,
      cached: cachedNames(events),
      missed: missedReasons(events),
      files,
      content: await snapshot.content(),
      layers: snapshot.layers,
    };
  }

  /** The graph of a Dockerfile and what a solver needs. */
  async prepare(
    text: string,
    options: FakeOptions,
    { ran, events }: { readonly ran: string[]; readonly events: BuildEvent[] },
  ): Promise<{
    readonly lowered: Lowered;
    readonly solving: SolverOptions;
    readonly caches: AttachedCaches | undefined;
  }> {
    const dockerfile = parseDockerfile({ name: 'Dockerfile', text: `${text}\n` });
    assertBuildable(dockerfile);
    const { ignoreCache = () => false, target, platform = { os: 'linux', architecture: 'amd64' } } = options;
    const lowered = await lower({
      dockerfile,
      identity: '/Dockerfile',
      target,
      platform,
      buildPlatform: platform,
      buildArgs: new Map(Object.entries(options.buildArgs ?? {})),
      labels: new Map(Object.entries(options.labels ?? {})),
      ignoreCache,
      resolveImage: async (name) =>
        fakeImage(name, options.bases?.[name], await this.#layers(options.baseLayers?.[name] ?? [])),
      network: options.network,
      entitlements: options.entitlements,
    });
    const shop = this.#workshop(ran, { events, options });
    const local = new LocalCache<LayerRef>(this.store, isLayerRef, (ref) => shop.layers.available(ref));
    const caches = await options.caches?.attach(local, shop.layers, [lowered.vertex]);
    const solving = {
      shop,
      cache: caches?.cache ?? local,
      listings: new FileListings(this.store),
      claim: stepClaims(this.store),
      source: dockerfile.source,
      ttl: options.ttl,
    };
    return { lowered, solving, caches };
  }

  #workshop(
    ran: string[],
    { events, options }: { readonly events: BuildEvent[]; readonly options: FakeOptions },
  ): Workshop {
    const { store } = this;
    const job = {
      signal: options.signal ?? new AbortController().signal,
      emit: (event: BuildEvent) => void events.push(event),
    };
    const scanned = scanContext(toByteString(this.context), options.ignore);
    return {
      job,
      layers: new LayerStore({
        store,
        fetch: ({ descriptor, cache, repository }) => {
          if (cache !== undefined && options.caches !== undefined)
            return options.caches.fetch({ descriptor, cache });
          if (options.fetch !== undefined) return options.fetch({ descriptor, repository });
          throw new Error('nothing is fetched');
        },
        reachable: (blob) => blob.repository !== undefined || options.caches?.canFetch(blob) === true,
        onLost: (layer) => options.caches?.lost.add(layer),
        namespace: () => Promise.resolve('trusted'),
      }),
      context: () => scanned,
      executor: () => Promise.resolve(this.#executor(ran, options)),
      expectExecution: (op) => void options.expected?.push(op.argv.at(-1) ?? ''),
      remotes: () => Promise.reject(new Error('nothing is downloaded')),
      limitExecutions: (work) => work(),
      temporaryFile: () => store.temporaryPath(),
      proxies: proxyVariables(new Map(Object.entries(options.buildArgs ?? {}))),
      equipment: {
        secrets: secretsOf(
          new Map(Object.entries(options.secrets ?? {}).map(([id, value]) => [id, Buffer.from(value)])),
        ),
        agents: sshAgents(new Map(), () => toByteString(store.temporaryPath())),
        caches: this.#cacheMounts(options),
        views: new MountViews(),
        devices: cdiDevices([], () => undefined),
        extraHosts: options.extraHosts ?? [],
        limits: options.limits ?? {},
      },
      now: options.now ?? (() => Date.now()),
    };
  }

  #executor(ran: string[], { onRun }: FakeOptions): Executor {
    return {
      mode: 'none',
      run: async ({ process: { argv } }: ExecSpec): Promise<ExecResult> => {
        const command = argv.at(-1) ?? '';
        ran.push(command);
        await onRun?.(command);
        const upper = {
          path: toByteString(await this.store.scratchDirectory()),
          namespace: 'trusted' as const,
        };
        const [verb, first = '', ...rest] = command.split(' ');
        if (verb === 'fail') return { ok: false, exitCode: Number(first), upper };
        if (verb === 'count') await writeFile(join(upper.path, first), String(this.#counter++));
        if (verb === 'many')
          for (let i = 0; i < Number(rest[0]); i++)
            await writeFile(join(upper.path, `${first}-${i}`), `${i}`);
        if (verb === 'attribute') await this.#attribute(`${upper.path}/${first}`, rest.join(' '));
        if (verb === 'meet') await this.#meet(Number(first));
        if (verb === 'slow') await new Promise((resolve) => setTimeout(resolve, 30));
        if (verb === 'write' || verb === 'put' || verb === 'slow')
          await writeFile(join(upper.path, first), rest.join(' '));
        return { ok: true, upper };
      },
      discard: (upper) => removeTree(upper.path),
    };
  }

  async #attribute(path: string, value: string): Promise<void> {
    await writeFile(path, '');
    await applyAttributes([
      { path: toByteString(path), xattrs: new Map([['user.tag', Buffer.from(value)]]) },
    ]);
  }

  /** Puts plain tars into the store. */
  async #layers(names: readonly string[]): Promise<ResolvedImage['layers']> {
    const mediaType = mediaTypes.ociLayer;
    return Promise.all(
      names.map(async (name) => {
        const { digest, size } = await this.store.blobs.put(tarOf(name));
        return { diffId: digest as DiffID, blob: { descriptor: { mediaType, digest, size } } };
      }),
    );
  }

  #cacheMounts({ caches }: FakeOptions): CacheMounts {
    const root = toByteString(join(this.folder, 'caches'));
    return caches?.cacheMounts(root, '') ?? new CacheMounts(root, '');
  }

  #meet(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length >= count) for (const go of this.#waiting) go();
    });
  }
}

function cachedNames(events: readonly BuildEvent[]): string[] {
  const names = new Map(
    events.flatMap((event) => (event.kind === 'declared' ? [[event.step, event.name]] : [])),
  );
  return events.flatMap((event) => (event.kind === 'cached' ? [names.get(event.step) ?? ''] : []));
}

function missedReasons(events: readonly BuildEvent[]): ReadonlyMap<string, string> {
  const names = new Map(
    events.flatMap((event) => (event.kind === 'declared' ? [[event.step, event.name]] : [])),
  );
  return new Map(
    events.flatMap((event) =>
      event.kind === 'missed' ? [[names.get(event.step) ?? '', event.reason ?? 'first']] : [],
    ),
  );
}

/** A base image; `change` makes its config, and so its digest, another. */
function fakeImage(name: string, change: object = {}, layers: ResolvedImage['layers'] = []): ResolvedImage {
  const config: ImageConfig = {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    ...change,
  };
  return { name, configDigest: digestOf(canonicalJson(config)), config, layers };
}

async function contents(
  snapshot: Awaited<ReturnType<Solver['solve']>>,
): Promise<ReadonlyMap<string, string>> {
  const { readSmallBody } = await import('../../src/layers/body.js');
  const files = new Map<string, string>();
  for (const [path, node] of walkTree(await snapshot.tree())) {
    if (node.kind !== 'file') continue;
    files.set(path, Buffer.from(await readSmallBody(await snapshot.body(node), 4096)).toString());
  }
  return files;
}
