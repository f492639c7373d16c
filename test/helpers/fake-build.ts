import { mkdtemp, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { LocalCache } from '../../src/cache/local-cache.js';
import type { ExecResult, ExecSpec, Executor } from '../../src/executor/types.js';
import { lower } from '../../src/graph/lower/lower.js';
import type { Workshop } from '../../src/graph/runner.js';
import { Solver } from '../../src/graph/solver.js';
import { isLayerRef, type LayerRef } from '../../src/layers/layer.js';
import { LayerStore } from '../../src/layers/layer-store.js';
import { scanContext } from '../../src/layers/scan-context.js';
import { walkTree } from '../../src/layers/walk-tree.js';
import { assertBuildable } from '../../src/parser/assert-buildable.js';
import { parseDockerfile } from '../../src/parser/parse.js';
import type { BuildEvent } from '../../src/progress/event.js';
import { openStore, type Store } from '../../src/store/store.js';
import { removeTree } from '../../src/sys/remove-tree.js';
import { toByteString } from '../../src/util/bytes.js';

/** What one build did. */
export interface FakeResult {
  /** Commands that were executed, in the order in which they began. */
  readonly ran: readonly string[];
  /** Names of the steps that were taken from the cache. */
  readonly cached: readonly string[];
  readonly events: readonly BuildEvent[];
  /** Paths of the resulting tree with the content of files. */
  readonly files: ReadonlyMap<string, string>;
}

/**
 * Builds with the real graph, cache, layers and store, and an executor that plays commands instead of running them:
 * `write PATH TEXT` and `put PATH TEXT` make a file, `count PATH` one with another content each time, `fail N` exits
 * with N, `meet N` waits until N commands wait at once.
 */
export class FakeBuild {
  readonly #waiting: (() => void)[] = [];
  #counter = 0;

  private constructor(
    readonly folder: string,
    readonly context: string,
    private readonly store: Store,
  ) {}

  static async open(): Promise<FakeBuild> {
    const folder = await mkdtemp(join(tmpdir(), 'tsbuild-fake-'));
    const context = join(folder, 'context');
    await mkdir(context);
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

  async build(
    text: string,
    { ignoreCache = () => false, target }: { ignoreCache?: (stage: string) => boolean; target?: string } = {},
  ): Promise<FakeResult> {
    const dockerfile = parseDockerfile({ name: 'Dockerfile', text: `${text}\n` });
    assertBuildable(dockerfile);
    const platform = { os: 'linux', architecture: 'amd64' };
    const lowered = await lower({
      dockerfile,
      identity: '/Dockerfile',
      target,
      platform,
      buildPlatform: platform,
      buildArgs: new Map(),
      labels: new Map(),
      ignoreCache,
      resolveImage: (name) => Promise.reject(new Error(`asked for the image ${name}`)),
    });
    const ran: string[] = [];
    const events: BuildEvent[] = [];
    const shop = this.#workshop(ran, events);
    const cache = new LocalCache<LayerRef>(this.store, isLayerRef, (ref) => shop.layers.available(ref));
    const snapshot = await new Solver({ shop, cache, source: dockerfile.source }).solve(lowered.vertex);
    return { ran, events, cached: cachedNames(events), files: await contents(snapshot) };
  }

  #workshop(ran: string[], events: BuildEvent[]): Workshop {
    const { store } = this;
    const job = {
      signal: new AbortController().signal,
      emit: (event: BuildEvent) => void events.push(event),
    };
    const scanned = scanContext(toByteString(this.context));
    return {
      job,
      layers: new LayerStore({
        store,
        fetch: () => {
          throw new Error('nothing is fetched');
        },
        namespace: () => Promise.resolve('trusted'),
      }),
      context: () => scanned,
      executor: () => Promise.resolve(this.#executor(ran)),
      limitExecutions: (work) => work(),
      temporaryFile: () => store.temporaryPath(),
      proxies: [],
      now: () => Date.now(),
    };
  }

  #executor(ran: string[]): Executor {
    return {
      mode: 'none',
      run: async ({ process: { argv } }: ExecSpec): Promise<ExecResult> => {
        const command = argv.at(-1) ?? '';
        ran.push(command);
        const upper = {
          path: toByteString(await this.store.scratchDirectory()),
          namespace: 'trusted' as const,
        };
        const [verb, first = '', ...rest] = command.split(' ');
        if (verb === 'fail') return { ok: false, exitCode: Number(first), upper };
        if (verb === 'count') await writeFile(join(upper.path, first), String(this.#counter++));
        if (verb === 'meet') await this.#meet(Number(first));
        if (verb === 'write' || verb === 'put') await writeFile(join(upper.path, first), rest.join(' '));
        return { ok: true, upper };
      },
      discard: (upper) => removeTree(upper.path),
    };
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
