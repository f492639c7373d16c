import { isDeepStrictEqual } from 'node:util';
import { removeTree } from '../sys/remove-tree.js';
import type { OpenSandbox } from './open-sandbox.js';
import { openNamespaces } from './run-sandbox.js';
import type { HostFacts } from './sandbox/plan.js';
import type { Scratch, StepDirectories } from './scratch.js';
import type { OpenResources, StepResources } from './step-resources.js';
import type { Surroundings } from './types.js';

/** An open sandbox, and what it takes of the machine. */
export interface Place {
  readonly resources: OpenResources;
  readonly directories: StepDirectories;
  readonly sandbox: OpenSandbox;
}

/**
 * Opens the sandboxes of steps, each for one step. That of the next step that is expected is opened ahead, so that a
 * step finds namespaces, control groups, /proc, /dev and /sys made.
 */
export class Sandboxes {
  readonly #expected: Surroundings[] = [];
  #ahead: { readonly like: Surroundings; readonly place: Promise<Place> } | undefined;

  constructor(
    private readonly host: HostFacts,
    private readonly scratch: Scratch,
    private readonly resources: StepResources,
  ) {}

  /** Is told of a step that will come. */
  expect({ network, security, limits, input }: Surroundings): void {
    if (input?.kind === 'pipe') return;
    this.#expected.push({ network, security, limits });
    this.openAhead();
  }

  /** Opens that of the next step, unless one is open. A failure is that of the step that takes it. */
  openAhead(): void {
    const [like] = this.#expected;
    if (this.#ahead !== undefined || like === undefined) return;
    const place = this.#open(like);
    place.catch(() => undefined);
    this.#ahead = { like, place };
  }

  /** The one that was opened ahead, when it fits; else one that is opened now. */
  async take(wanted: Surroundings): Promise<Place> {
    const expected = this.#expected.findIndex((like) => isAlike(like, wanted));
    if (expected >= 0) this.#expected.splice(expected, 1);
    const ahead = this.#ahead;
    if (ahead === undefined || !isAlike(ahead.like, wanted)) return this.#open(wanted);
    this.#ahead = undefined;
    const place = await ahead.place;
    if (!place.sandbox.hasEnded) return place;
    await discard(place); // somebody has killed it
    return this.#open(wanted);
  }

  /** Ends what was opened ahead. */
  async close(): Promise<void> {
    const place = await this.#ahead?.place.catch(() => undefined);
    this.#ahead = undefined;
    this.#expected.length = 0;
    if (place !== undefined) await discard(place);
  }

  async #open(like: Surroundings): Promise<Place> {
    const directories = this.scratch.makeStep();
    let resources: OpenResources | undefined;
    try {
      resources = await this.resources.open(like);
      const { groups, network } = resources;
      const { host } = this;
      const plan = { spec: like, host, groups, network: network?.namespace, paths: directories };
      return { resources, directories, sandbox: await openNamespaces(plan) };
    } catch (error) {
      await Promise.all([resources?.close(), removeTree(directories.base), removeTree(directories.upper)]);
      throw error;
    }
  }
}

/** Ends a sandbox and gives back what it took, but for the upper directory. */
export async function release({ sandbox, resources, directories }: Place): Promise<void> {
  await sandbox.close();
  await Promise.all([resources.close(), removeTree(directories.base)]);
}

async function discard(place: Place): Promise<void> {
  await release(place);
  await removeTree(place.directories.upper);
}

function isAlike(one: Surroundings, other: Surroundings): boolean {
  return (
    one.network === other.network &&
    one.security === other.security &&
    other.input?.kind !== 'pipe' &&
    isDeepStrictEqual(one.limits ?? {}, other.limits ?? {})
  );
}
