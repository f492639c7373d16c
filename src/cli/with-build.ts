import { collectAfterBuild, type SpaceLimits } from '../cache/collect-cache.js';
import type { BuildInput, BuildTools } from '../build/build.js';
import { TemporaryFiles } from '../build/temporary-files.js';
import type { BuildEvent, Job } from '../progress/event.js';
import { maskSecrets } from '../progress/mask-secrets.js';
import { once } from '../util/once.js';
import { buildInput } from './build-input.js';
import type { BuildRequest } from './build-request.js';
import type { CliContext } from './context.js';
import { openStoreOf } from './open-store.js';
import { registryClient } from './registry-tools.js';
import { remoteSources } from './remote-tools.js';
import { remoteCaches, withInsecureCaches } from './cache-options.js';
import { stepSettings } from './step-settings.js';

/** What a command that works on a build is given. */
export interface BuildSetting {
  readonly input: BuildInput;
  readonly tools: BuildTools;
  /** performance.now() when the store was open. */
  readonly started: number;
}

/** Opens the store under a lease and reads what the request names, for `work`; closes everything after it. */
export async function withBuild<T>(
  {
    request,
    emit,
    context,
    limits,
  }: {
    readonly request: BuildRequest;
    readonly emit: (event: BuildEvent) => void;
    readonly context: CliContext;
    /** With them the cache is collected when `work` ended well. */
    readonly limits?: SpaceLimits;
  },
  work: (setting: BuildSetting) => Promise<T>,
): Promise<T> {
  const steps = await stepSettings(request, context);
  const secrets = [...steps.secrets.values()];
  const job: Job = { signal: context.signal, emit: maskSecrets(() => secrets, emit) };
  const store = await openStoreOf(context);
  const client = once(async () => registryClient(await withInsecureCaches(request, context), context));
  const temporary = new TemporaryFiles(store);
  const remotes = once(() =>
    remoteSources(request.registry, context, { store, job, temporary, secrets: steps.secrets }),
  );
  // The lock is taken by another process; loading the engine meanwhile costs nothing.
  const [lease] = await Promise.all([store.lease({ signal: context.signal }), import('../build/build.js')]);
  try {
    const started = performance.now();
    const input = await buildInput(request, context, { store, job, remotes, temporary });
    const caches = await remoteCaches(request, context, { store, client, job });
    const tools = { store, client, job, remotes, temporary, steps, caches };
    const result = await work({ input, tools, started });
    lease.release();
    if (limits !== undefined) {
      await collectAfterBuild(store, { limits, now: Date.now(), signal: context.signal });
    }
    return result;
  } finally {
    await temporary.dispose();
    lease.release();
    await store.close();
  }
}
