import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import type { CdiDevices } from '../executor/cdi/read-specs.js';
import { sweepLimitGroups } from '../executor/limit-groups.js';
import type { Executor } from '../executor/types.js';
import { proxyVariables } from '../graph/lower/arguments.js';
import type { Workshop } from '../graph/runner.js';
import { LayerStore } from '../layers/layer-store.js';
import { ownOverlayNamespace } from '../layers/own-namespace.js';
import type { ScannedContext } from '../layers/scan-context.js';
import type { Job } from '../progress/event.js';
import { toByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';
import { once } from '../util/once.js';
import type { BuildInput, BuildTools } from './build.js';
import { blobFetcher } from './fetch-blob.js';
import { TemporaryFiles } from './temporary-files.js';
import { buildNetworks, stepEquipment } from './step-equipment.js';

/** A workshop whose temporary files are deleted by `dispose`. */
export interface OpenWorkshop extends Workshop {
  dispose(): Promise<void>;
}

/** Gathers what the runners of one build share. Nothing is probed, walked or created before it is asked for. */
export function openWorkshop(input: BuildInput, tools: BuildTools, devices: CdiDevices): OpenWorkshop {
  const { store, client, job, remotes, steps, caches } = tools;
  // contexts outlive an attempt to build, and what this one leaves does not
  const temporary = new TemporaryFiles(store);
  const limit = pLimit(input.jobs ?? availableParallelism());
  const equipmentTools = {
    store,
    job,
    temporaryFile: () => temporary.file(),
    cacheNamespace: input.buildArgs.get('BUILDKIT_CACHE_MOUNT_NS') ?? '',
    caches,
    devices,
  };
  const onNotice = (message: string): void => job.emit({ kind: 'warning', message });
  const swept = sweepLimitGroups();
  const networks = buildNetworks(steps, equipmentTools);
  let created: Promise<Executor> | undefined;
  const create = async (): Promise<Executor> => {
    const { createExecutor } = await import('../executor/create-executor.js');
    const scratch = await temporary.folder();
    await tools.beforeSteps;
    return createExecutor({ scratch, isolation: input.isolation, networks, onNotice });
  };
  const executor = once(() => (created = create()));
  const contexts = new Map<string, Promise<ScannedContext>>();
  return {
    job,
    layers: new LayerStore({
      store,
      fetch: tools.fetchBlob ?? blobFetcher({ client, job, caches }),
      reachable: (blob) => blob.repository !== undefined || caches?.canFetch(blob) === true,
      onLost: (layer) => caches?.lost.add(layer),
      namespace: () => Promise.resolve(ownOverlayNamespace(toByteString(store.root))),
    }),
    executor,
    expectExecution: ({ network, security }) => {
      const step = { network, security, limits: steps.limits };
      // What goes wrong here is said by the step that cannot be run.
      executor().then(
        (found) => found.expect?.(step),
        () => undefined,
      );
    },
    context: (name) => {
      const known = contexts.get(name) ?? readContext(name, input, job);
      contexts.set(name, known);
      return known;
    },
    limitExecutions: (work) => limit(work),
    temporaryFile: () => temporary.file(),
    equipment: stepEquipment(steps, equipmentTools),
    remotes,
    proxies: proxyVariables(input.buildArgs),
    onFailedStep: tools.onFailedStep,
    now: () => Date.now(),
    dispose: async () => {
      await swept;
      await (await created?.catch(() => undefined))?.close?.();
      await networks.close();
      await temporary.dispose();
    },
  };
}

/** Walks or unpacks the build context, or one of `--build-context`. */
async function readContext(
  name: string,
  { context, namedContexts }: BuildInput,
  job: Job,
): Promise<ScannedContext> {
  const named = namedContexts.get(name);
  const wanted = named?.kind === 'files' ? named.context : context;
  if (wanted === undefined) {
    throw new TsbuildError('context', 'there is no build context: the Dockerfile came alone', {
      hint: 'to read the Dockerfile from standard input and copy files, use -f - and a folder',
    });
  }
  const which = wanted === context ? '' : ` ${wanted.shown}`;
  job.emit({ kind: 'declared', step: name, name: `[internal] load build context${which}` });
  job.emit({ kind: 'started', step: name });
  const scanned = await wanted.files();
  job.emit({ kind: 'finished', step: name, outcome: 'done' });
  return scanned;
}
