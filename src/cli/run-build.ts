import { retryDamaged } from '../build/retry-damaged.js';
import type { BuildEvent } from '../progress/event.js';
import { TsbuildError } from '../util/errors.js';
import { parseOutputs, type BuildOutputs } from './build-outputs.js';
import type { BuildRequest } from './build-request.js';
import type { CliContext } from './context.js';
import { checkPushes } from './check-pushes.js';
import { debugShell } from './debug-shell.js';
import { finishBuild } from './finish-build.js';
import { progressRenderer } from './progress-output.js';
import { spaceLimits } from './space-limits.js';
import { refuseUnsupported } from './unsupported-build.js';
import { withBuild } from './with-build.js';

/** Builds what a request asks for; resolves to the exit code. */
export async function runBuild(request: BuildRequest, context: CliContext): Promise<number> {
  refuseUnsupported(request);
  const outputs = parseOutputs(request, context);
  const daemon = request.load ? (await import('./docker-load.js')).dockerDaemon(context) : undefined;
  const renderer = progressRenderer(
    { kind: request.quiet ? 'quiet' : request.progress, pushed: outputs.pushes.length > 0 },
    context,
  );
  const onFailedStep = request.debugShell ? debugShell(context, () => renderer.end()) : undefined;
  const { build } = await import('../build/build.js');
  try {
    const emit = (event: BuildEvent): void => renderer.emit(event);
    const setting = { request: withInsecure(request, outputs), context, emit, limits: spaceLimits(context) };
    await withBuild(setting, async ({ input, tools, started }) => {
      if (request.checkPush) await checkPushes(outputs.pushes, tools.client, tools.job);
      await retryDamaged(tools.job, async () => {
        const result = await build(input, { ...tools, onFailedStep });
        try {
          // The image is worth more than the cache: it is finished whatever becomes of that.
          const failure = await result.exportCache().then(() => undefined, asFailure);
          await finishBuild(result, { ...tools, request, outputs, daemon, context, started });
          if (failure !== undefined) throw failure;
        } finally {
          await result.dispose();
        }
      });
    });
    return 0;
  } finally {
    renderer.end();
  }
}

/** A failure that is told when the image is finished; one that ends or repeats the build is thrown at once. */
function asFailure(error: unknown): TsbuildError {
  if (error instanceof TsbuildError && error.code !== 'cancelled' && !error.damaged) return error;
  throw error;
}

function withInsecure(request: BuildRequest, { insecureRegistries }: BuildOutputs): BuildRequest {
  const { registry } = request;
  const all = [...registry.insecureRegistries, ...insecureRegistries];
  return { ...request, registry: { ...registry, insecureRegistries: all } };
}
