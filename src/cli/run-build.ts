import { TemporaryFiles } from '../build/temporary-files.js';
import type { Job } from '../progress/event.js';
import { maskSecrets } from '../progress/mask-secrets.js';
import { once } from '../util/once.js';
import { buildInput } from './build-input.js';
import { parseOutputs } from './build-outputs.js';
import type { BuildRequest } from './build-request.js';
import type { CliContext } from './context.js';
import { finishBuild } from './finish-build.js';
import { openStoreOf } from './open-store.js';
import { progressRenderer } from './progress-output.js';
import { registryClient } from './registry-tools.js';
import { remoteSources } from './remote-tools.js';
import { stepSettings } from './step-settings.js';
import { refuseUnsupported } from './unsupported-build.js';

/** Builds what a request asks for; resolves to the exit code. */
export async function runBuild(request: BuildRequest, context: CliContext): Promise<number> {
  refuseUnsupported(request);
  const outputs = parseOutputs(request, context);
  const renderer = progressRenderer(
    { kind: request.quiet ? 'quiet' : request.progress, pushed: outputs.pushes },
    context,
  );
  const steps = await stepSettings(request, context);
  const secrets = [...steps.secrets.values()];
  const emit = maskSecrets(
    () => secrets,
    (event) => renderer.emit(event),
  );
  const job: Job = { signal: context.signal, emit };
  const store = await openStoreOf(context);
  const client = once(() => registryClient(request.registry, context));
  const temporary = new TemporaryFiles(store);
  const remotes = once(() => remoteSources(request.registry, context, { store, job, temporary }));
  // The lock is taken by another process; loading the engine meanwhile costs nothing.
  const [lease, { build }] = await Promise.all([
    store.lease({ signal: context.signal }),
    import('../build/build.js'),
  ]);
  try {
    const started = performance.now();
    const input = await buildInput(request, context, { store, job, remotes, temporary });
    const result = await build(input, { store, client, job, remotes, temporary, steps });
    try {
      await finishBuild(result, { request, outputs, context, store, client, job, started });
    } finally {
      await result.dispose();
    }
    return 0;
  } finally {
    await temporary.dispose();
    lease.release();
    renderer.end();
    await store.close();
  }
}
