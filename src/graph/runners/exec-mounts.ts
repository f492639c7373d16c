import type { CacheRequest, HeldCaches } from '../../executor/cache-mounts.js';
import type { OpenAgent } from '../../executor/ssh-agents.js';
import type { StepMount } from '../../executor/types.js';
import { materialise } from '../../layers/materialise.js';
import { emptyTree } from '../../layers/tree.js';
import type { OverlayNamespace } from '../../layers/types.js';
import { toByteString } from '../../util/bytes.js';
import { TsbuildError } from '../../util/errors.js';
import type { ExecMount, ExecOp } from '../ops.js';
import type { Task } from '../runner.js';
import { openDevices } from './exec-devices.js';

type OfKind<K extends ExecMount['kind']> = Extract<ExecMount, { kind: K }>;

/** The mounts and devices of a step as the executor takes them, with what is held for their length. */
export interface OpenMounts {
  readonly mounts: readonly StepMount[];
  /** `NAME=value` that mounts add to the environment. */
  readonly variables: readonly string[];
  /** Supplementary groups that devices add. */
  readonly groups: readonly number[];
  close(): Promise<void>;
}

/**
 * Opens the mounts and devices of a step: waits for its caches, writes what it shows of the context, starts its agents. Throws
 * `run` for what is required and was not given. To be called before a place among the executions is taken: a step
 * that waits for a cache must not keep another one from ending.
 */
export async function openMounts(task: Task<ExecOp>, namespace: OverlayNamespace): Promise<OpenMounts> {
  const opening = new Opening(task, namespace);
  try {
    const mounts: StepMount[] = [];
    await opening.holdCaches();
    for (const mount of task.op.mounts) mounts.push(...(await opening.open(mount)));
    const devices = await openDevices(task);
    return {
      mounts: [...mounts, ...devices.mounts],
      variables: [...opening.variables, ...devices.variables],
      groups: devices.groups,
      close: () => opening.close(),
    };
  } catch (error) {
    await opening.close();
    throw error;
  }
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

class Opening {
  readonly variables: string[] = [];
  readonly #agents: OpenAgent[] = [];
  readonly #caches = new Map<ExecMount, string>();
  #held: HeldCaches | undefined;

  constructor(
    readonly task: Task<ExecOp>,
    readonly namespace: OverlayNamespace,
  ) {}

  async close(): Promise<void> {
    this.#held?.release();
    await Promise.all(this.#agents.splice(0).map((agent) => agent.close()));
  }

  async holdCaches(): Promise<void> {
    const { op, shop } = this.task;
    const caches = op.mounts.filter((mount) => mount.kind === 'cache');
    if (caches.length === 0) return;
    const requests = await Promise.all(caches.map((mount) => this.#request(mount)));
    this.#held = await shop.equipment.caches.hold(requests, shop.job.signal);
    for (const [index, mount] of caches.entries()) this.#caches.set(mount, this.#held.paths[index] ?? '');
  }

  async open(mount: ExecMount): Promise<readonly StepMount[]> {
    switch (mount.kind) {
      case 'bind':
        return [await this.#bind(mount)];
      case 'cache':
        return [this.#cache(mount)];
      case 'tmpfs':
        return [{ kind: 'tmpfs', target: toByteString(mount.target), size: mount.size }];
      case 'secret':
        return this.#secret(mount);
      case 'ssh':
        return this.#agent(mount);
    }
  }

  async #bind({ source, target, writable }: OfKind<'bind'>): Promise<StepMount> {
    const { shop, vertex, inputs } = this.task;
    const selected = await shop.equipment.views.select(source, this.task);
    const shown = { target: toByteString(target), writable };
    if (vertex.inputs[source.input]?.op.kind === 'context') {
      const path = await shop.equipment.views.onDisk(selected, { shop, namespace: this.namespace });
      return { kind: 'bind', source: path, ...shown };
    }
    const lowers = (await inputs[source.input]?.directories()) ?? [];
    return { kind: 'view', lowers, path: selected.path, isDirectory: selected.file === undefined, ...shown };
  }

  /** What names a cache: the id, and what it began with, as BuildKit tells caches apart. */
  async #request({ id, sharing, mode, uid, gid, seed }: OfKind<'cache'>): Promise<CacheRequest> {
    const { shop, vertex } = this.task;
    const reset = vertex.origin.ignoreCache;
    const owner = { sharing, mode, uid, gid, reset, madeFor: await this.#existing({ uid, gid }) };
    if (seed === undefined) return { name: [id], ...owner };
    const selected = await shop.equipment.views.select(seed, this.task);
    if (selected.file !== undefined) {
      throw new TsbuildError('run', `the source ${JSON.stringify(seed.path)} of a cache is not a folder`);
    }
    const fill = async (path: string): Promise<void> => {
      await materialise(selected, emptyTree(), path, this.namespace);
    };
    return { name: [id, selected.digest], ...owner, seed: fill };
  }

  #cache(mount: OfKind<'cache'>): StepMount {
    const { target, readonly, path } = mount;
    return {
      kind: 'cache',
      source: this.#caches.get(mount) ?? '',
      path: toByteString(path.slice(1)),
      target: toByteString(target),
      readonly,
    };
  }

  async #secret({
    id,
    target,
    env,
    required,
    mode,
    uid,
    gid,
  }: OfKind<'secret'>): Promise<readonly StepMount[]> {
    const bytes = this.task.shop.equipment.secrets.get(id);
    if (bytes === undefined) {
      if (!required) return [];
      throw new TsbuildError('run', `secret ${JSON.stringify(id)} was not given`, {
        hint: `give it with --secret id=${id},src=FILE or --secret id=${id},env=NAME`,
      });
    }
    if (env !== undefined)
      this.variables.push(`${toByteString(env)}=${Buffer.from(bytes).toString('latin1')}`);
    if (target === undefined) return [];
    const owner = await this.#existing({ uid, gid });
    return [{ kind: 'secret', bytes, target: toByteString(target), mode, ...owner }];
  }

  async #agent({ id, target, required, mode, uid, gid }: OfKind<'ssh'>): Promise<readonly StepMount[]> {
    const { agents } = this.task.shop.equipment;
    if (!agents.has(id)) {
      if (!required) return [];
      throw new TsbuildError('run', `no SSH agent ${JSON.stringify(id)} was given`, {
        hint:
          id === 'default'
            ? 'give it with --ssh default'
            : `give it with --ssh ${id}=SOCKET or --ssh ${id}=KEYFILE`,
      });
    }
    const agent = await agents.open(id, { mode, ...(await this.#existing({ uid, gid })) });
    this.#agents.push(agent);
    if (this.#agents.length === 1) this.variables.push(`SSH_AUTH_SOCK=${toByteString(target)}`);
    return [{ kind: 'bind', source: agent.path, target: toByteString(target), writable: false }];
  }

  /** An owner as far as its ids exist where the step runs. */
  async #existing({ uid, gid }: Owner): Promise<Owner> {
    const { ids } = await this.task.shop.executor();
    return { uid: ids?.hasUser(uid) === false ? 0 : uid, gid: ids?.hasGroup(gid) === false ? 0 : gid };
  }
}
