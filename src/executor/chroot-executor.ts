import type { LayerDirectory } from '../layers/types.js';
import type { Job } from '../progress/event.js';
import { removeTree } from '../sys/remove-tree.js';
import { TsbuildError } from '../util/errors.js';
import { findChanges, recordTree, writeUpper, type Recorded } from './chroot/changes.js';
import { endDescendants } from './chroot/end-descendants.js';
import { PlainRoots, type PlainRoot } from './chroot/plain-roots.js';
import { StandIns } from './chroot/stand-ins.js';
import { LowerView } from './lower-view.js';
import { planMountPoints, type MountPoints } from './mount-points.js';
import { runStep, type Outcome } from './run-sandbox.js';
import { chrootProgram } from './sandbox/chroot-program.js';
import type { HostFacts } from './sandbox/plan.js';
import { hostsFile } from './sandbox/step-mounts.js';
import type { Scratch, StepDirectories } from './scratch.js';
import { checkCommand, resultOf, throwIfCancelled, withHome } from './step-result.js';
import type { ExecResult, ExecSpec, Executor } from './types.js';
import { XattrCache } from './xattr-cache.js';

/**
 * Runs steps as root of a container that may neither mount nor make namespaces: in plain directories, with a changed
 * root and, where the kernel has it, Landlock. What a step changed is found afterwards.
 */
export class ChrootExecutor implements Executor {
  readonly mode = 'chroot';
  readonly #roots: PlainRoots;
  readonly #xattrs = new XattrCache();

  constructor(
    readonly scratch: Scratch,
    readonly host: HostFacts,
    readonly landlock: number | undefined,
  ) {
    this.#roots = new PlainRoots(scratch.directory);
  }

  async run(spec: ExecSpec, job: Job): Promise<ExecResult> {
    checkCommand(spec);
    refuse(spec);
    const points = await planMountPoints(new LowerView(spec.lowers, this.#xattrs), spec.mounts);
    throwIfCancelled(job.signal);
    const root = await this.#roots.take(spec.lowers);
    const directories = this.scratch.makeStep();
    try {
      const result = await this.#runIn(root, { spec: withHome(spec), points, directories }, job);
      if (result.ok) this.#roots.give(root, directories.upper);
      else await this.#roots.drop(root);
      return result;
    } catch (error) {
      await Promise.all([removeTree(directories.upper), this.#roots.drop(root)]);
      throw error;
    } finally {
      await removeTree(directories.base);
    }
  }

  async discard(upper: LayerDirectory): Promise<void> {
    await removeTree(upper.path);
  }

  async #runIn(root: PlainRoot, step: Step, job: Job): Promise<ExecResult> {
    const { spec, points, directories } = step;
    const standIns = new StandIns(root.path, directories.work);
    let outcome: Outcome;
    let before: Recorded;
    try {
      await this.#place(standIns, step);
      before = recordTree(root.path, `${directories.memory}/clock`, standIns.isInside);
      for (const path of standIns.madeParents) before.delete(path);
      outcome = await this.#start(root, spec, job);
    } finally {
      await standIns.remove();
    }
    // What the image lacks of these becomes part of the layer, as where they are mounted.
    for (const name of points.lacking) before.delete(`/${name}`);
    const lacking = new Set(points.lacking.map((name) => `/${name}`));
    const changes = findChanges(root.path, before, (path) => standIns.isOurs(path) && !lacking.has(path));
    await writeUpper(root.path, directories.upper, changes);
    const upper = { path: directories.upper, namespace: this.host.trusted ? 'trusted' : 'user' } as const;
    return resultOf(outcome, { spec, upper, outOfMemory: false });
  }

  async #place(standIns: StandIns, { spec, points }: Step): Promise<void> {
    await standIns.placeBase(this.host, points.lacking);
    await standIns.placeFile(points.hosts, hostsFile(spec.hostname, spec.extraHosts), 0o644);
    await standIns.placeFile(points.resolvConf, this.host.resolvConf, 0o644);
    for (const mount of points.mounts) await standIns.placeMount(mount);
  }

  async #start(root: PlainRoot, spec: ExecSpec, { signal }: Job): Promise<Outcome> {
    const { host, landlock } = this;
    const program = chrootProgram({ spec, host, landlock, root: root.path });
    const run = { spec, host, program, endAll: endDescendants, leavesOthers: true };
    return runStep(run, signal).catch((error: unknown) => {
      throwIfCancelled(signal);
      throw error;
    });
  }
}

interface Step {
  readonly spec: ExecSpec;
  readonly points: MountPoints;
  readonly directories: StepDirectories;
}

/** Nothing is promised and not kept. */
function refuse({ network, security, input, limits = {} }: ExecSpec): void {
  const asked: readonly (readonly [what: string, given: boolean])[] = [
    ['--network=none', network === 'none'],
    ['--security=insecure', security === 'insecure'],
    ['a terminal', input?.kind === 'terminal'],
    [
      'a limit of memory, processors or processes',
      (limits.memory ?? limits.cpus ?? limits.pids) !== undefined,
    ],
  ];
  const found = asked.find(([, given]) => given);
  if (found === undefined) return;
  throw new TsbuildError('sandbox', `${found[0]} is not to be had in isolation mode chroot`, {
    hint: 'tsbuild doctor says what would allow another mode',
  });
}
