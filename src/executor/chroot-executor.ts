import type { LayerDirectory } from '../layers/types.js';
import type { Job } from '../progress/event.js';
import { removeTree } from '../sys/remove-tree.js';
import { TsbuildError } from '../util/errors.js';
import { endDescendants } from './chroot/end-descendants.js';
import { PlainSteps } from './chroot/plain-steps.js';
import type { StandIns } from './chroot/stand-ins.js';
import { resolvConfFor } from './resolv-conf.js';
import { LowerView } from './lower-view.js';
import { planMountPoints, type MountPoints } from './mount-points.js';
import { runStep, type Outcome } from './run-sandbox.js';
import { chrootOpening, chrootProgram } from './sandbox/chroot-program.js';
import type { HostFacts } from './sandbox/plan.js';
import { hostsFile } from './sandbox/step-mounts.js';
import type { Scratch } from './scratch.js';
import { checkCommand, resultOf, throwIfCancelled, withHome } from './step-result.js';
import type { OpenResources, StepResources } from './step-resources.js';
import type { ExecResult, ExecSpec, Executor } from './types.js';
import { XattrCache } from './xattr-cache.js';

export interface ChrootTools {
  readonly resources: StepResources;
  /** Version of Landlock; undefined where the kernel has none. */
  readonly landlock: number | undefined;
  /** Told once of what a step lacks. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

const noDevices =
  'steps have no devices, and a plain file as /dev/null: CAP_MKNOD is missing, or the store is mounted nodev';

/**
 * Runs steps as root of a container that may neither mount nor make namespaces: in plain directories, with a changed
 * root and, where the kernel has it, Landlock. What a step changed is found afterwards.
 */
export class ChrootExecutor implements Executor {
  readonly mode = 'chroot';
  readonly #steps: PlainSteps;
  readonly #xattrs = new XattrCache();
  #told = false;

  constructor(
    scratch: Scratch,
    readonly host: HostFacts,
    private readonly tools: ChrootTools,
  ) {
    this.#steps = new PlainSteps(scratch);
  }

  async run(given: ExecSpec, job: Job): Promise<ExecResult> {
    checkCommand(given);
    refuse(given);
    const spec = withHome(given);
    const points = await planMountPoints(new LowerView(spec.lowers, this.#xattrs), spec.mounts);
    throwIfCancelled(job.signal);
    const resources = await this.tools.resources.open(spec);
    try {
      const { outcome, upper } = await this.#steps.run({
        lowers: spec.lowers,
        points,
        place: (standIns) => this.#place(standIns, spec, points),
        start: (root, _, failure) =>
          this.#start(root, { spec, resources }, AbortSignal.any([job.signal, failure])),
        isGood: (ended) => ended.kind === 'exited' && ended.exitCode === 0,
      });
      return resultOf(outcome, { spec, upper, outOfMemory: await resources.ranOutOfMemory() });
    } catch (error) {
      throwIfCancelled(job.signal);
      throw error;
    } finally {
      await resources.close();
    }
  }

  async discard(upper: LayerDirectory): Promise<void> {
    await removeTree(upper.path);
  }

  #sayNoDevices(): void {
    if (!this.#told) this.tools.onNotice?.(noDevices);
    this.#told = true;
  }

  async #place(standIns: StandIns, spec: ExecSpec, points: MountPoints): Promise<void> {
    if (!(await standIns.placeBase(this.host))) this.#sayNoDevices();
    await standIns.placeFile(points.hosts, hostsFile(spec.hostname, spec.extraHosts), 0o644);
    const resolvConf = resolvConfFor(spec.resolver, this.host.resolvConf);
    await standIns.placeFile(points.resolvConf, resolvConf, 0o644);
    for (const mount of points.mounts) await standIns.placeMount(mount);
  }

  #start(
    root: string,
    { spec: given, resources: { limits, groups } }: ChrootStep,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { host } = this;
    const spec = { ...given, limits };
    const opening = {
      arch: host.arch,
      program: chrootOpening(spec),
      input: spec.input,
      endAll: endDescendants,
    };
    const program = chrootProgram({ spec, host, landlock: this.tools.landlock, groups, root });
    return runStep({ spec, opening, program, leavesOthers: true }, signal);
  }
}

interface ChrootStep {
  readonly spec: ExecSpec;
  readonly resources: OpenResources;
}

/** Nothing is promised and not kept. */
function refuse({ network, security, input }: ExecSpec): void {
  const asked: readonly (readonly [what: string, given: boolean])[] = [
    ['--network=none', network === 'none'],
    ['--security=insecure', security === 'insecure'],
    ['a terminal', input?.kind === 'terminal'],
  ];
  const found = asked.find(([, given]) => given);
  if (found === undefined) return;
  throw new TsbuildError('sandbox', `${found[0]} is not to be had in isolation mode chroot`, {
    hint: 'tsbuild doctor says what would allow another mode',
  });
}
