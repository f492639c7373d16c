import { mkdirSync } from 'node:fs';
import type { LayerDirectory } from '../layers/types.js';
import type { Job } from '../progress/event.js';
import { removeTree } from '../sys/remove-tree.js';
import { bytePath } from '../util/bytes.js';
import { applyLayer } from './chroot/apply-layer.js';
import { PlainSteps } from './chroot/plain-steps.js';
import { LowerView } from './lower-view.js';
import { planMountPoints, type MountPoints } from './mount-points.js';
import { withResources, type NamespaceTools } from './namespace-executor.js';
import { runSandbox, type Outcome } from './run-sandbox.js';
import type { HostFacts, SandboxPlan } from './sandbox/plan.js';
import type { Scratch, StepDirectories } from './scratch.js';
import { singleIdMounts } from './single-id-mounts.js';
import { checkCommand, resultOf, throwIfCancelled, withHome } from './step-result.js';
import type { ExecResult, ExecSpec, Executor, KnownIds, StepMount } from './types.js';
import { XattrCache } from './xattr-cache.js';

/**
 * Runs steps in namespaces where the store lies on an overlay, which cannot hold the upper of another one: the root is a
 * plain directory, and what a step changed is found afterwards.
 */
export class PlainNamespaceExecutor implements Executor {
  readonly #steps: PlainSteps;
  readonly #xattrs = new XattrCache();

  constructor(
    readonly mode: 'rootful' | 'rootless' | 'single-id',
    readonly scratch: Scratch,
    readonly host: HostFacts,
    private readonly tools: NamespaceTools,
  ) {
    this.#steps = new PlainSteps(scratch);
  }

  get ids(): KnownIds | undefined {
    return this.tools.ids;
  }

  async run(given: ExecSpec, job: Job): Promise<ExecResult> {
    checkCommand(given);
    throwIfCancelled(job.signal);
    const views = this.scratch.makeStep();
    const resources = await this.tools.resources.open(given);
    try {
      const view = new LowerView(given.lowers, this.#xattrs);
      const added = this.host.singleId ? await singleIdMounts(view) : [];
      const mounts = await plainViews([...added, ...given.mounts], views.work);
      const spec = withHome({ ...given, mounts });
      const points = await planMountPoints(view, mounts);
      const { outcome, upper } = await this.#steps.run({
        lowers: spec.lowers,
        points,
        place: async (standIns) => {
          const stubs = [...points.stubs].sort(([a], [b]) => (a < b ? -1 : 1));
          for (const [path, kind] of stubs) await standIns.placeStub(path, kind);
        },
        start: (root, directories) =>
          start(withResources(this.#plan(spec, points, { root, directories }), resources), job),
        isGood: (ended) => ended.kind === 'exited' && ended.exitCode === 0,
      });
      return resultOf(outcome, { spec, upper, outOfMemory: await resources.ranOutOfMemory() });
    } finally {
      await resources.close();
      await Promise.all([removeTree(views.base), removeTree(views.upper)]);
    }
  }

  async discard(upper: LayerDirectory): Promise<void> {
    await removeTree(upper.path);
  }

  #plan(
    spec: ExecSpec,
    { mounts, hosts, resolvConf }: MountPoints,
    { root, directories }: { readonly root: string; readonly directories: StepDirectories },
  ): SandboxPlan {
    return {
      spec,
      host: this.host,
      paths: directories,
      plainRoot: root,
      mounts,
      hosts,
      resolvConf,
      attributes: [],
    };
  }
}

function start(plan: SandboxPlan, { signal }: Job): Promise<Outcome> {
  return runSandbox(plan, signal).catch((error: unknown) => {
    throwIfCancelled(signal);
    throw error;
  });
}

/** Layers in the plain form cannot be shown by an overlay: what they add up to is bound from a folder. */
async function plainViews(mounts: readonly StepMount[], folder: string): Promise<StepMount[]> {
  const all: StepMount[] = [];
  for (const mount of mounts) {
    if (mount.kind !== 'view') {
      all.push(mount);
      continue;
    }
    const whole = `${folder}/view-${all.length}`;
    mkdirSync(bytePath(whole));
    for (const lower of mount.lowers) await applyLayer(lower, whole);
    const source = mount.path === '' ? whole : `${whole}/${mount.path}`;
    all.push({ kind: 'bind', source, target: mount.target, writable: mount.writable });
  }
  return all;
}
