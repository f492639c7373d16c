import type { Recipe } from '../cache/types.js';
import type { CacheMounts } from '../executor/cache-mounts.js';
import type { CdiDevices } from '../executor/cdi/read-specs.js';
import type { Secrets } from '../executor/secrets.js';
import type { SshAgents } from '../executor/ssh-agents.js';
import type { ExecSpec, Executor, OnFailedStep, StepLimits } from '../executor/types.js';
import type { Layer } from '../layers/layer.js';
import type { LayerStore } from '../layers/layer-store.js';
import type { ScannedContext } from '../layers/scan-context.js';
import type { Snapshot } from '../layers/snapshot.js';
import type { ChangesetEntry, Node } from '../layers/types.js';
import type { Digest } from '../oci/digest.js';
import type { Job } from '../progress/event.js';
import type { Remotes } from '../remote/remotes.js';
import type { ExecOp, Op } from './ops.js';
import type { MountViews } from './runners/mount-sources.js';
import type { Vertex } from './vertex.js';

/** What the runners of one build share. */
export interface Workshop {
  readonly job: Job;
  readonly layers: LayerStore;
  /** The context of that name, walked once per build. */
  readonly context: (name: string) => Promise<ScannedContext>;
  /** Chosen by probing when the first step must really run. */
  readonly executor: () => Promise<Executor>;
  /** Is told of an execution that will be needed, unless its result is found under another key. */
  readonly expectExecution: (op: ExecOp) => void;
  /** Runs one execution at a time per free slot. Wraps leaf work only. */
  readonly limitExecutions: <T>(work: () => Promise<T>) => Promise<T>;
  /** Files by URL and repositories. */
  readonly remotes: () => Promise<Remotes>;
  /** A new path for a temporary file that lives until the build ends. */
  readonly temporaryFile: () => string;
  /** `NAME=value` of proxies: passed to steps, part of no key. */
  readonly proxies: readonly string[];
  /** What steps get besides their root and their process. */
  readonly equipment: StepEquipment;
  /** For somebody who wants to look around in a step that failed. */
  readonly onFailedStep?: OnFailedStep | undefined;
  /** Milliseconds since 1970; SOURCE_DATE_EPOCH has no part in it. */
  readonly now: () => number;
}

/** None of it is part of any key. */
export interface StepEquipment {
  readonly secrets: Secrets;
  readonly agents: SshAgents;
  readonly caches: CacheMounts;
  readonly views: MountViews;
  readonly devices: CdiDevices;
  /** Lines of /etc/hosts. */
  readonly extraHosts: ExecSpec['extraHosts'];
  readonly resolver?: ExecSpec['resolver'];
  readonly limits: StepLimits;
}

/** A vertex with the results of its inputs. */
export interface Task<O extends Op> {
  readonly vertex: Vertex<O>;
  readonly op: O;
  readonly inputs: readonly Snapshot[];
  readonly shop: Workshop;
}

/** What a prepared step is: the recipe of its content key, and how to do it if that key is unknown. */
export interface Prepared {
  readonly recipe: Recipe;
  make(): Promise<Layer>;
}

/** Files of a context that an op selects, and the digest that stands for them in its definition key. */
export interface SelectedFiles {
  readonly digest: Digest;
  readonly entry: Node | ChangesetEntry;
}

/** How one kind of op is keyed and done. */
export interface Runner<O extends Op> {
  /** The op's own part of the definition key. The solver adds the definition keys of the inputs. */
  definition(vertex: Vertex<O>, shop: Workshop): Promise<Recipe>;
  /** What the digests of `files of …` in the definition stand for, so that a later miss can name files. */
  selections?(vertex: Vertex<O>, shop: Workshop): Promise<readonly SelectedFiles[]>;
  /** Called with solved inputs, after the definition key missed. */
  prepare(task: Task<O>): Promise<Prepared>;
}
