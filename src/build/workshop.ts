import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import type { Executor } from '../executor/types.js';
import { proxyVariables } from '../graph/lower/arguments.js';
import type { Workshop } from '../graph/runner.js';
import { LayerStore } from '../layers/layer-store.js';
import { scanContext, type ScannedContext } from '../layers/scan-context.js';
import type { Job } from '../progress/event.js';
import type { Store } from '../store/store.js';
import { removeTree } from '../sys/remove-tree.js';
import { toByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';
import { once } from '../util/once.js';
import type { BuildInput, BuildTools } from './build.js';
import { fetchBlob } from './fetch-blob.js';
import { HashCache } from './hash-cache.js';

/** A workshop whose temporary files are deleted by `dispose`. */
export interface OpenWorkshop extends Workshop {
  dispose(): Promise<void>;
}

/** Gathers what the runners of one build share. Nothing is probed, walked or created before it is asked for. */
export function openWorkshop(input: BuildInput, { store, client, job }: BuildTools): OpenWorkshop {
  const limit = pLimit(input.jobs ?? availableParallelism());
  const temporary: string[] = [];
  const executor = once(async (): Promise<Executor> => {
    const { createExecutor } = await import('../executor/create-executor.js');
    const scratch = await store.scratchDirectory();
    temporary.push(scratch);
    return createExecutor({ scratch, isolation: input.isolation });
  });
  const contexts = new Map<string, Promise<ScannedContext>>();
  return {
    job,
    layers: new LayerStore({
      store,
      fetch: (blob) => fetchBlob(blob, { client, job }),
      namespace: () => Promise.resolve('trusted'),
    }),
    executor,
    context: (name) => {
      const known = contexts.get(name) ?? readContext(input, store, job);
      contexts.set(name, known);
      return known;
    },
    limitExecutions: (work) => limit(work),
    temporaryFile: () => {
      const path = store.temporaryPath();
      temporary.push(path);
      return path;
    },
    proxies: proxyVariables(input.buildArgs),
    now: () => Date.now(),
    dispose: async () => {
      await Promise.all(temporary.map((path) => removeTree(toByteString(path))));
    },
  };
}

/** Walks the context once per build; contents are hashed when a step selects them. */
async function readContext({ context }: BuildInput, store: Store, job: Job): Promise<ScannedContext> {
  if (context === undefined) {
    throw new TsbuildError('context', 'there is no build context: the Dockerfile came alone', {
      hint: 'to read the Dockerfile from standard input and copy files, use -f - and a folder',
    });
  }
  const step = 'context';
  job.emit({ kind: 'declared', step, name: '[internal] load build context' });
  job.emit({ kind: 'started', step });
  const hashes = await HashCache.open(store, context.path);
  const onSkipped = (path: string) =>
    job.emit({
      kind: 'warning',
      step,
      message: `${JSON.stringify(path)} is left out: a layer cannot hold it`,
    });
  const scanned = await scanContext(toByteString(context.path), context.ignore, {
    hashCache: hashes,
    onSkipped,
  });
  job.emit({ kind: 'finished', step, outcome: 'done' });
  const hash: ScannedContext['hash'] = async (files) => {
    await scanned.hash(files);
    await hashes.save();
  };
  return { ...scanned, hash };
}
