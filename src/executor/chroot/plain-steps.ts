import { ownOverlayNamespace } from '../../layers/own-namespace.js';
import type { LayerDirectory, OverlayNamespace } from '../../layers/types.js';
import { removeTree } from '../../sys/remove-tree.js';
import type { MountPoints } from '../mount-points.js';
import type { Scratch, StepDirectories } from '../scratch.js';
import { findChanges, recordTree, writeUpper } from './changes.js';
import { PlainRoots, type PlainRoot } from './plain-roots.js';
import { StandIns } from './stand-ins.js';

/** A step on a plain root. */
export interface PlainStep<T> {
  readonly lowers: readonly LayerDirectory[];
  readonly points: MountPoints;
  /** Puts what the step needs into the root. */
  readonly place: (standIns: StandIns) => Promise<void>;
  /** Runs the step to the end of all its processes; when `failure` fires it has to end with that. */
  readonly start: (root: string, directories: StepDirectories, failure: AbortSignal) => Promise<T>;
  /** Whether the root is that of a snapshot now. */
  readonly isGood: (outcome: T) => boolean;
}

/** Runs steps where no overlay can be had: in plain directories, whose changes are found afterwards. */
export class PlainSteps {
  readonly #roots: PlainRoots;
  readonly #namespace: OverlayNamespace;

  constructor(readonly scratch: Scratch) {
    this.#roots = new PlainRoots(scratch.directory);
    this.#namespace = ownOverlayNamespace(scratch.directory);
  }

  async run<T>(step: PlainStep<T>): Promise<{ readonly outcome: T; readonly upper: LayerDirectory }> {
    const root = await this.#roots.take(step.lowers);
    const directories = this.scratch.makeStep();
    const upper = { path: directories.upper, namespace: this.#namespace };
    try {
      const outcome = await this.#runIn(root, step, { directories, upper });
      if (step.isGood(outcome)) this.#roots.give(root, upper.path);
      else await this.#roots.drop(root);
      return { outcome, upper };
    } catch (error) {
      await Promise.all([removeTree(upper.path), this.#roots.drop(root)]);
      throw error;
    } finally {
      await removeTree(directories.base);
    }
  }

  async #runIn<T>(
    root: PlainRoot,
    { points, place, start }: PlainStep<T>,
    { directories, upper }: { readonly directories: StepDirectories; readonly upper: LayerDirectory },
  ): Promise<T> {
    const standIns = new StandIns(root.path, directories.work);
    // What the image lacks of /proc, /sys and /dev becomes part of the layer, as where an overlay is mounted.
    const lacking = new Set(points.lacking.map((name) => `/${name}`));
    const started = await placed(standIns, async () => {
      await standIns.makeForGood(points.lacking);
      await place(standIns);
      const before = recordTree(root.path, `${directories.work}/clock`, standIns.isInside);
      for (const path of [...standIns.madeParents, ...lacking]) before.delete(path);
      return { before, outcome: await start(root.path, directories, standIns.secrets.failure) };
    });
    const ignored = (path: string): boolean => standIns.isOurs(path) && !lacking.has(path);
    await writeUpper(root.path, upper, findChanges(root.path, started.before, ignored));
    return started.outcome;
  }
}

async function placed<T>(standIns: StandIns, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await standIns.remove();
  }
}
