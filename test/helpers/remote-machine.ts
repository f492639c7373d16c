/** Machines with an empty store each, which build with the real graph and store and share remote caches. */
import type { ExecutionContext } from 'ava';
import { RemoteCaches } from '../../src/build/remote-caches.js';
import { retryDamaged } from '../../src/build/retry-damaged.js';
import { parseCacheFrom, parseCacheTo } from '../../src/cache/remote/options.js';
import { parseReference } from '../../src/oci/reference.js';
import type { BuildEvent } from '../../src/progress/event.js';
import type { RegistryClient } from '../../src/registry/types.js';
import { FakeBuild, type FakeOptions, type FakeResult } from './fake-build.js';
import { quickClient, recordedJob } from './registry-values.js';

export interface MachineBuild extends Omit<FakeOptions, 'caches' | 'fetch'> {
  /** Values of `--cache-from` and `--cache-to`. */
  readonly from?: readonly string[];
  readonly to?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface MachineResult extends FakeResult {
  /** All commands, also of attempts that were begun again. */
  readonly commands: readonly string[];
  /** But those about requests that are repeated. */
  readonly warnings: readonly string[];
  readonly allEvents: readonly BuildEvent[];
}

/** A machine of its own: nothing of it is there before. */
export class Machine {
  private constructor(
    readonly fake: FakeBuild,
    private readonly client: RegistryClient,
  ) {}

  static async start(t: ExecutionContext): Promise<Machine> {
    const fake = await FakeBuild.open();
    const client = quickClient({ retries: { attempts: 4, delay: 10 } });
    t.teardown(async () => {
      client.close();
      await fake.close();
    });
    return new Machine(fake, client);
  }

  async build(
    text: string,
    { from = [], to = [], env = {}, ...options }: MachineBuild,
  ): Promise<MachineResult> {
    const job = recordedJob();
    const commands: string[] = [];
    const client = () => Promise.resolve(this.client);
    const caches = await RemoteCaches.open(
      {
        from: from.map((value) => parseCacheFrom(value, '/')),
        to: to.map((value) => parseCacheTo(value, '/')),
      },
      { store: this.fake.store, job, client, env },
    );
    const result = await retryDamaged(job, () =>
      this.fake.build(text, {
        ...options,
        caches,
        fetch: ({ descriptor, repository = '' }) =>
          this.client.openBlob(parseReference(repository), descriptor, job),
        onRun: async (command) => {
          commands.push(command);
          await options.onRun?.(command);
        },
      }),
    );
    return {
      ...result,
      commands,
      warnings: job.warnings.filter((text) => !text.endsWith('trying again')),
      allEvents: [...job.events, ...result.events],
    };
  }
}
