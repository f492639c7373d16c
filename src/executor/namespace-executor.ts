import type { LayerDirectory } from '../layers/types.js';
import type { Job } from '../progress/event.js';
import { removeTree } from '../sys/remove-tree.js';
import { TsbuildError } from '../util/errors.js';
import { initAttributes, makeInitLayer } from './init-layer.js';
import { LowerView } from './lower-view.js';
import { planMountPoints, type MountPoints } from './mount-points.js';
import { runPlan } from './run-sandbox.js';
import { release, Sandboxes, type Place } from './sandboxes.js';
import type { HostFacts, SandboxPlan } from './sandbox/plan.js';
import { maximumLowers } from './sandbox/root.js';
import type { OpenResources, StepResources } from './step-resources.js';
import type { Scratch, StepDirectories } from './scratch.js';
import type { ExecResult, ExecSpec, Executor, KnownIds, Surroundings } from './types.js';
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
  readonly #sandboxes: Sandboxes;

  constructor(
    readonly mode: 'rootful' | 'rootless' | 'single-id',
    scratch: Scratch,
    readonly host: HostFacts,
    private readonly tools: NamespaceTools,
  ) {
    this.#sandboxes = new Sandboxes(host, scratch, tools.resources);
  }

  get ids(): KnownIds | undefined {
    return this.tools.ids;
  }

  async run(spec: ExecSpec, job: Job): Promise<ExecResult> {
    checkLayers(spec);
    checkCommand(spec);
    throwIfCancelled(job.signal);
    const view = new LowerView(spec.lowers, this.#xattrs);
    // Its processes begin while the image is looked at.
    const [place, points] = await Promise.allSettled([
      this.#sandboxes.take(spec),
      this.#findPoints(view, spec),
    ]);
    try {
      if (points.status === 'rejected') throw points.reason;
      if (place.status === 'rejected') throw place.reason;
      return await this.#runAt(place.value, { spec, view, points: points.value }, job);
    } catch (error) {
      if (place.status === 'fulfilled') await removeTree(place.value.directories.upper);
      throwIfCancelled(job.signal);
      throw error;
    } finally {
      if (place.status === 'fulfilled') await release(place.value);
    }
  }

  expect(step: Surroundings): void {
    this.#sandboxes.expect(step);
  }

  close(): Promise<void> {
    return this.#sandboxes.close();
  }

  async discard(upper: LayerDirectory): Promise<void> {
    await removeTree(upper.path);
  }

  async #findPoints(view: LowerView, { mounts }: ExecSpec): Promise<MountPoints> {
    const added = this.host.singleId ? await singleIdMounts(view) : [];
    return planMountPoints(view, [...added, ...mounts]);
  }

  async #runAt(place: Place, { spec, view, points }: Step, job: Job): Promise<ExecResult> {
    const { resources, directories, sandbox } = place;
    const onStarted: ExecSpec['onStarted'] = (signal) => {
      spec.onStarted?.(signal);
      this.#sandboxes.openAhead();
    };
    const prepared = await this.#prepare({ ...spec, onStarted }, view, points, directories);
    const plan = withResources(prepared, resources);
    const outcome = await runPlan(sandbox, plan, job.signal);
    const upper = { path: directories.upper, namespace: this.host.trusted ? 'trusted' : 'user' } as const;
    const hasFailed = outcome.kind === 'exited' && outcome.exitCode !== 0;
    const outOfMemory = hasFailed && (await resources.ranOutOfMemory());
    const result = resultOf(outcome, { spec: plan.spec, upper, outOfMemory });
    await tidyUpper(directories.upper, points);
    return result;
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

interface Step {
  readonly spec: ExecSpec;
  readonly view: LowerView;
  readonly points: MountPoints;
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
