import { TsbuildError } from '../util/errors.js';
import type { LimitGroups, StepGroups } from './limit-groups.js';
import { addressSpaceLimit } from './limit-settings.js';
import type { IsolatedNetwork, StepNetworks } from './networks.js';
import type { ExecSpec, StepLimits } from './types.js';

export interface ResourceOptions {
  readonly groups: LimitGroups;
  /** Undefined: steps that name no network have the host's. */
  readonly networks?: StepNetworks | undefined;
  /** Told once of what cannot be had here as it was asked for. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

/** What one step takes of the machine besides its root. */
export interface OpenResources {
  /** Control groups to enter. */
  readonly groups: readonly string[];
  /** Limits, with what has to stand for a missing control group. */
  readonly limits: StepLimits;
  readonly network: IsolatedNetwork | undefined;
  ranOutOfMemory(): Promise<boolean>;
  /** To be called when no process of the step is left. */
  close(): Promise<void>;
}

/** Gives steps their control groups and their network. */
export class StepResources {
  #told = false;

  constructor(private readonly options: ResourceOptions) {}

  /** Throws `sandbox` for a limit that cannot be set here. */
  async open({ network, limits = {} }: Pick<ExecSpec, 'network' | 'limits'>): Promise<OpenResources> {
    const isolated = network === 'default' ? await this.options.networks?.isolated() : undefined;
    const groups = await this.options.groups.make(limits);
    try {
      return {
        groups: groups.directories,
        limits: this.#substituted(limits, groups),
        network: isolated,
        ranOutOfMemory: () => groups.ranOutOfMemory(),
        close: () => groups.remove(),
      };
    } catch (error) {
      await groups.remove();
      throw error;
    }
  }

  #substituted(limits: StepLimits, { lacking }: StepGroups): StepLimits {
    if (limits.cpus !== undefined && lacking.includes('cpu')) throw noGroup('processors');
    if (limits.pids !== undefined && lacking.includes('pids')) throw noGroup('processes');
    if (limits.memory === undefined || !lacking.includes('memory')) return limits;
    if (!this.#told)
      this.options.onNotice?.(
        'the limit of memory counts for each process of a step, as no control group can be made here',
      );
    this.#told = true;
    return { ...limits, ulimits: [...(limits.ulimits ?? []), addressSpaceLimit(limits.memory)] };
  }
}

function noGroup(what: string): TsbuildError {
  return new TsbuildError(
    'sandbox',
    `${what} of a step cannot be limited here: no control group can be made`,
    {
      hint: 'leave the limit out, or make /sys/fs/cgroup writable and delegate its controllers',
    },
  );
}
