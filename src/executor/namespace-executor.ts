import type { LayerDirectory } from '../layers/types.js';
import type { Job } from '../progress/event.js';
import { removeTree } from '../sys/remove-tree.js';
import { TsbuildError } from '../util/errors.js';
import { initAttributes, makeInitLayer } from './init-layer.js';
import { LowerView } from './lower-view.js';
import { planMountPoints, type MountPoints } from './mount-points.js';
import { runSandbox } from './run-sandbox.js';
import type { HostFacts, SandboxPlan } from './sandbox/plan.js';
import { maximumLowers } from './sandbox/root.js';
import type { OpenResources, StepResources } from './step-resources.js';
import type { Scratch, StepDirectories } from './scratch.js';
import type { ExecResult, ExecSpec, Executor, KnownIds } from './types.js';
import { singleIdMounts } from './single-id-mounts.js';
import { checkCommand, resultOf, throwIfCancelled, withHome } from './step-result.js';
import { tidyUpper } from './upper.js';
import { XattrCache } from './xattr-cache.js';

export interface NamespaceTools {
  readonly resources: StepResources;
  readonly ids: KnownIds | undefined;
}

/** Runs steps as root, be it of a user namespace, in namespaces of their own, on an overlay of the image's layers. */
export class NamespaceExecutor implements Executor {
  readonly #xattrs = new XattrCache();

  constructor(
    readonly mode: 'rootful' | 'rootless' | 'single-id',
    readonly scratch: Scratch,
    readonly host: HostFacts,
    private readonly tools: NamespaceTools,
  ) {}

  get ids(): KnownIds | undefined {
    return this.tools.ids;
  }

  async run(spec: ExecSpec, job: Job): Promise<ExecResult> {
    checkLayers(spec);
    checkCommand(spec);
    const view = new LowerView(spec.lowers, this.#xattrs);
    const added = this.host.singleId ? await singleIdMounts(view) : [];
    const points = await planMountPoints(view, [...added, ...spec.mounts]);
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
      const upper = { path: directories.upper, namespace: this.host.trusted ? 'trusted' : 'user' } as const;
      const outOfMemory = await resources.ranOutOfMemory();
      const result = resultOf(outcome, { spec: plan.spec, upper, outOfMemory });
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

function checkLayers({ lowers }: ExecSpec): void {
  if (lowers.length < maximumLowers) return;
  throw new TsbuildError(
    'sandbox',
    `the image has ${lowers.length} layers; a step can run on ${maximumLowers - 1}`,
  );
}

/** A plan with the groups, limits and network that a step was given. */
export function withResources(plan: SandboxPlan, { groups, limits, network }: OpenResources): SandboxPlan {
  const host = network === undefined ? plan.host : { ...plan.host, resolvConf: network.resolvConf };
  return { ...plan, spec: { ...plan.spec, limits }, host, groups, network: network?.namespace };
}
