import type { LayerDirectory } from '../layers/types.js';
import type { Job } from '../progress/event.js';
import { errnoName } from '../sys/player.js';
import { removeTree } from '../sys/remove-tree.js';
import { fromByteString, toByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';
import { initAttributes, makeInitLayer } from './init-layer.js';
import { LowerView } from './lower-view.js';
import { planMountPoints, type MountPoints } from './mount-points.js';
import { runSandbox, type Attempt, type Outcome } from './run-sandbox.js';
import type { HostFacts, SandboxPlan } from './sandbox/plan.js';
import { maximumLowers } from './sandbox/root.js';
import { findSource } from './sandbox/step-mounts.js';
import type { OpenResources, StepResources } from './step-resources.js';
import type { Scratch, StepDirectories } from './scratch.js';
import type { ExecResult, ExecSpec, Executor, KnownIds } from './types.js';
import { tidyUpper } from './upper.js';
import { XattrCache } from './xattr-cache.js';

/** Runs steps as root, be it of a user namespace, in namespaces of their own, on an overlay of the image's layers. */
export class NamespaceExecutor implements Executor {
  readonly #xattrs = new XattrCache();

  constructor(
    readonly mode: 'rootful' | 'rootless' | 'single-id',
    readonly scratch: Scratch,
    readonly host: HostFacts,
    private readonly tools: { readonly resources: StepResources; readonly ids: KnownIds | undefined },
  ) {}

  get ids(): KnownIds | undefined {
    return this.tools.ids;
  }

  async run(spec: ExecSpec, job: Job): Promise<ExecResult> {
    checkSpec(spec);
    const view = new LowerView(spec.lowers, this.#xattrs);
    const points = await planMountPoints(view, spec.mounts);
    throwIfCancelled(job.signal);
    const resources = await this.tools.resources.open(spec);
    const directories = this.scratch.makeStep();
    try {
      const prepared = await this.#prepare(spec, view, points, directories);
      const plan = withResources(prepared, resources);
      const outcome = await runSandbox(plan, job.signal).catch((error: unknown) => {
        throwIfCancelled(job.signal);
        throw error;
      });
      const result = resultOf(outcome, plan, await resources.ranOutOfMemory());
      await tidyUpper(directories.upper, points);
      return result;
    } catch (error) {
      await removeTree(directories.upper);
      throw error;
    } finally {
      await resources.close();
      await removeTree(directories.base);
    }
  }

  async discard(upper: LayerDirectory): Promise<void> {
    await removeTree(upper.path);
  }

  async #prepare(
    spec: ExecSpec,
    view: LowerView,
    points: MountPoints,
    paths: StepDirectories,
  ): Promise<SandboxPlan> {
    makeInitLayer(points, paths.init, paths.upper);
    const attributes = await initAttributes(view, points, paths);
    const { hosts, resolvConf, mounts } = points;
    return { spec: withHome(spec), host: this.host, paths, mounts, hosts, resolvConf, attributes };
  }
}

function checkSpec({ lowers, process: { argv, env, cwd } }: ExecSpec): void {
  if (lowers.length >= maximumLowers) {
    throw new TsbuildError(
      'sandbox',
      `the image has ${lowers.length} layers; a step can run on ${maximumLowers - 1}`,
    );
  }
  if ([...argv, ...env, cwd].some((text) => text.includes('\0'))) {
    throw new TsbuildError('run', 'a NUL character in the command, its environment or its working directory');
  }
}

/** Nothing is added to the environment but HOME, as runc does it. */
function withHome(spec: ExecSpec): ExecSpec {
  const { env, user } = spec.process;
  if (env.some((entry) => entry.startsWith('HOME='))) return spec;
  return { ...spec, process: { ...spec.process, env: [...env, `HOME=${user.home}`] } };
}

function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new TsbuildError('cancelled', 'the step was cancelled', { cause: signal.reason });
}

function withResources(plan: SandboxPlan, { groups, limits, network }: OpenResources): SandboxPlan {
  const host = network === undefined ? plan.host : { ...plan.host, resolvConf: network.resolvConf };
  return { ...plan, spec: { ...plan.spec, limits }, host, groups, network: network?.namespace };
}

function resultOf(outcome: Outcome, { spec, host, paths }: SandboxPlan, outOfMemory: boolean): ExecResult {
  const upper: LayerDirectory = { path: paths.upper, namespace: host.trusted ? 'trusted' : 'user' };
  switch (outcome.kind) {
    case 'exited': {
      const { exitCode, signal, timedOut } = outcome;
      if (exitCode === 0 && !timedOut) return { ok: true, upper };
      const limit = timedOut ? 'time' : outOfMemory ? 'memory' : undefined;
      return {
        ok: false,
        exitCode,
        ...(signal !== undefined && { signal }),
        ...(limit !== undefined && { limit }),
        upper,
      };
    }
    case 'not-started': {
      const { exitCode, message } = explainAttempts(spec.process.argv[0] ?? '', outcome.attempts);
      spec.onOutput('stderr', Buffer.from(toByteString(`${message}\n`), 'latin1'));
      return { ok: false, exitCode, ...(isUnusable(outcome.attempts) && { notExecutable: true }), upper };
    }
    case 'outside':
      throw new TsbuildError('run', `working directory ${quoted(spec.process.cwd)} lies outside the root`);
    case 'refused':
      throw refusal(outcome.error, spec);
  }
}

const [ENOENT, ENOEXEC, ENOTDIR] = [2, 8, 20];

function isUnusable(attempts: readonly Attempt[]): boolean {
  return attempts.some(({ executable, errno }) => executable && (errno === ENOEXEC || errno === ENOENT));
}

/** Exit code and message as a shell has them: 127 for what is not there, 126 for what cannot be executed. */
function explainAttempts(
  command: string,
  attempts: readonly Attempt[],
): { exitCode: number; message: string } {
  const present = attempts.find(({ executable }) => executable);
  const refused = attempts.find(({ errno }) => errno !== ENOENT && errno !== ENOTDIR);
  if (refused !== undefined)
    return { exitCode: 126, message: `${quoted(command)}: ${describe(refused.errno)}` };
  if (present === undefined) return { exitCode: 127, message: `${quoted(command)}: not found in the image` };
  const hint = 'its interpreter or dynamic loader is not in the image';
  return { exitCode: 127, message: `${quoted(command)}: cannot be executed, ${hint}` };
}

const descriptions: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  ENOEXEC: 'not an executable for this machine',
  E2BIG: 'arguments and environment are too long',
};

function describe(errno: number): string {
  const name = errnoName(errno);
  return descriptions[name] ?? name;
}

function refusal(
  error: Error & { readonly code: string; readonly operation: { readonly label?: string } | undefined },
  spec: ExecSpec,
): TsbuildError {
  if (error.operation?.label === 'enter the working directory') {
    const problem = error.code === 'ENOENT' ? 'does not exist' : `cannot be entered (${error.code})`;
    return new TsbuildError('run', `working directory ${quoted(spec.process.cwd)} ${problem}`, {
      cause: error,
    });
  }
  const { label = '' } = error.operation ?? {};
  if (label.startsWith(findSource)) {
    const target = JSON.stringify(fromByteString(label.slice(findSource.length + 1)));
    return new TsbuildError(
      'run',
      `the source of the mount ${target} is no folder of its cache (${error.code})`,
      {
        hint: 'links are not followed there; an earlier step with the same cache must have made the folder',
        cause: error,
      },
    );
  }
  return new TsbuildError('sandbox', `the kernel refused a part of the sandbox: ${error.message}`, {
    hint: 'Linux 5.12 or later is needed, and an outer container must allow mounts and namespaces',
    cause: error,
  });
}

function quoted(text: string): string {
  return JSON.stringify(fromByteString(text));
}
