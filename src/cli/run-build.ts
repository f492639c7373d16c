import { retryDamaged } from '../build/retry-damaged.js';
import type { BuildEvent, Warning } from '../progress/event.js';
import { checkDestination } from '../image/destination.js';
import { notForDocker } from '../image/output.js';
import { TsbuildError } from '../util/errors.js';
import { parseOutputs, type BuildOutputs } from './build-outputs.js';
import type { BuildRequest } from './build-request.js';
import { variantsOf } from './build-variants.js';
import type { CliContext } from './context.js';
import { checkPushes, underCheck } from './check-pushes.js';
import { debugShell } from './debug-shell.js';
import { variableWarnings } from './environment.js';
import { finishBuild, type FinishTools } from './finish-build.js';
import { progressRenderer } from './progress-output.js';
import { spaceLimits } from './space-limits.js';
import { withBuild, type BuildSetting } from './with-build.js';

/** Builds what requests ask for that differ in their targets and in names of results; resolves to the exit code. */
export async function runBuild(
  requests: readonly [BuildRequest, ...BuildRequest[]],
  context: CliContext,
): Promise<number> {
  const [request] = requests;
  const wanted = requests.map((one) => ({ request: one, outputs: parseOutputs(one, context) }));
  const outputs = wanted.map((one) => one.outputs);
  refuseSharedStdout(outputs);
  for (const one of wanted) await checkFiles(one, context);
  if (request.load && request.index) throw notForDocker('the Docker daemon');
  const daemon = request.load ? (await import('./docker-load.js')).dockerDaemon(context) : undefined;
  const pushes = outputs.flatMap((one) => one.pushes);
  const kind = request.quiet ? 'quiet' : request.progress;
  const renderer = progressRenderer({ kind, pushed: pushes.length > 0 }, context);
  const onFailedStep = request.debugShell ? debugShell(context, () => renderer.end()) : undefined;
  try {
    const found: Warning[] = [];
    const emit = (event: BuildEvent): void => {
      if (event.kind === 'warning' && event.rule !== undefined) found.push(event);
      renderer.emit(event);
    };
    for (const message of variableWarnings(context.env)) emit({ kind: 'warning', message });
    const setting = { request: withInsecure(request, outputs), context, emit, limits: spaceLimits(context) };
    await withBuild(setting, async ({ input, tools, started }) => {
      const check = checkPushes(pushes, request.checkPush, tools);
      const job = { ...tools.job, signal: check.signal };
      const rewriteTimestamps = outputs.every((one) => one.rewriteTimestamps);
      const asked = { ...input, rewriteTimestamps };
      const building = { ...tools, job, onFailedStep, beforeSteps: check.done };
      const findings = { found, source: input.dockerfile.source };
      await underCheck(check, () =>
        buildTargets(wanted, { input: asked, tools: building, daemon, context, started, findings }),
      );
    });
    return 0;
  } finally {
    renderer.end();
  }
}

type Wanted = Pick<FinishTools, 'request' | 'outputs'>;

interface TargetsBuild extends BuildSetting, Pick<FinishTools, 'daemon' | 'context' | 'findings'> {}

/** Builds all targets for all platforms, then finishes one target after the other; what was finished is not begun anew. */
async function buildTargets(
  wanted: readonly Wanted[],
  { input, tools, ...finish }: TargetsBuild,
): Promise<void> {
  const { build } = await import('../build/build.js');
  const open = [...wanted];
  await retryDamaged(tools.job, async () => {
    const [first = input.variants[0], ...others] = open.flatMap(({ request }) => variantsOf(request));
    const result = await build({ ...input, variants: [first, ...others] }, tools);
    const cache = result.exportCache();
    try {
      // What a registry has in the cache by then is mounted when the image is pushed.
      await cache?.layersSent;
      const images = [...result.images];
      for (let one = open[0]; one !== undefined; one = open[0]) {
        const own = images.splice(0, variantsOf(one.request).length);
        await finishBuild(own, { ...tools, ...finish, ...one });
        open.shift();
      }
      // The images are worth more than the cache: they are finished whatever becomes of that.
      await cache?.done;
    } finally {
      await cache?.done.catch(() => undefined);
      await result.dispose();
    }
  });
}

/** That the folders of all files are there which are written when everything is built. */
async function checkFiles({ request, outputs }: Wanted, { cwd }: CliContext): Promise<void> {
  const archives = outputs.exports.filter(
    ({ type, ...spec }) => !('tar' in spec ? !spec.tar : type === 'local'),
  );
  const files = [request.iidFile, request.metadataFile, ...archives.map(({ dest }) => dest)];
  for (const file of files) if (file !== undefined) await checkDestination(file, cwd);
}

function refuseSharedStdout(outputs: readonly BuildOutputs[]): void {
  const archives = outputs.flatMap(({ exports }) => exports).filter(({ dest }) => dest === '-');
  if (archives.length > 1) throw new TsbuildError('usage', 'only one output can go to standard output');
}

function withInsecure(request: BuildRequest, outputs: readonly BuildOutputs[]): BuildRequest {
  const { registry } = request;
  const all = [...registry.insecureRegistries, ...outputs.flatMap((one) => one.insecureRegistries)];
  return { ...request, registry: { ...registry, insecureRegistries: all } };
}
