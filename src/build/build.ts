import { inlineKey } from '../cache/remote/inline-key.js';
import type { Mode, OnFailedStep } from '../executor/types.js';
import type { Refresh } from '../graph/refresh.js';
import { Solver } from '../graph/solver.js';
import type { RemoteBlob } from '../layers/layer.js';
import type { Platform } from '../oci/platform.js';
import type { Dockerfile } from '../parser/types.js';
import type { Job } from '../progress/event.js';
import type { RegistryClient } from '../registry/types.js';
import type { Remotes } from '../remote/remotes.js';
import type { Store } from '../store/store.js';
import type { BuildContext } from './build-context.js';
import { findProblems, reportFindings } from './findings.js';
import { finishImage, type FinishedImage } from './finish-image.js';
import type { PullPolicy } from './image-resolver.js';
import type { NamedContext } from './named-contexts.js';
import type { RemoteCaches } from './remote-caches.js';
import type { TemporaryFiles } from './temporary-files.js';
import type { StepSettings } from './step-equipment.js';
import { openBuild } from './open-build.js';

/** What to build. Paths are absolute. */
export interface BuildInput {
  /** Parsed and without errors. */
  readonly dockerfile: Dockerfile;
  /** Tells this Dockerfile from others: an absolute path. */
  readonly identity: string;
  /** Undefined: the Dockerfile came alone, and nothing can be copied from a context. */
  readonly context: BuildContext | undefined;
  /** By `contextName`. */
  readonly namedContexts: ReadonlyMap<string, NamedContext>;
  readonly target: string | undefined;
  readonly platform: Platform | undefined;
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  readonly noCache: boolean;
  /** Steps that are done again. */
  readonly refresh: readonly Refresh[];
  /** Milliseconds that the result of a RUN counts; undefined: for ever. */
  readonly cacheTtl: number | undefined;
  readonly pull: PullPolicy | undefined;
  readonly isolation: 'auto' | Mode;
  /** Executions at a time; undefined: as many as processors. */
  readonly jobs: number | undefined;
}

/** What a build works with. */
export interface BuildTools {
  readonly store: Store;
  readonly client: () => Promise<RegistryClient>;
  readonly job: Job;
  readonly remotes: () => Promise<Remotes>;
  /** Deleted by the caller when images were exported and pushed. */
  readonly temporary: TemporaryFiles;
  /** Reads a blob that is not in the store; undefined: from its registry. */
  readonly fetchBlob?: ((blob: RemoteBlob) => AsyncIterable<Uint8Array>) | undefined;
  /** What RUN steps get. */
  readonly steps: StepSettings;
  readonly onFailedStep?: OnFailedStep | undefined;
  /** Undefined without `--cache-from` and `--cache-to`. */
  readonly caches?: RemoteCaches | undefined;
}

export interface BuildResult {
  readonly image: FinishedImage;
  readonly platform: Platform;
  readonly hits: number;
  readonly misses: number;
  readonly epoch: number | undefined;
  /** Writes what was found or made to the caches of `--cache-to`. */
  exportCache(): Promise<void>;
  /** Deletes what the layers may be read from until then. */
  dispose(): Promise<void>;
}

/** Builds one target for one platform. Nothing is named, exported or pushed: that is the caller's. */
export async function build(input: BuildInput, tools: BuildTools): Promise<BuildResult> {
  const { platform, epoch, lowered, shop, solving, caches } = await openBuild(input, tools);
  try {
    reportFindings(
      await findProblems(input, { ...lowered, vertices: [lowered.vertex] }, shop),
      input,
      tools.job,
    );
    const solver = new Solver(solving);
    const snapshot = await solver.solve(lowered.vertex);
    const finished = await finishImage(lowered.state, snapshot, {
      layers: shop.layers,
      epoch,
      provenance: solver.provenance,
    });
    const refs = snapshot.layers.map(({ ref }) => ref);
    const records = await caches?.inline({ image: refs, epoch });
    const image = records === undefined ? finished : withRecords(finished, records);
    const exportCache = async (): Promise<void> => caches?.finish({ image: refs, epoch });
    return { image, platform, ...solver.counts, epoch, exportCache, dispose: () => shop.dispose() };
  } catch (error) {
    await shop.dispose();
    throw error;
  }
}

/** An image that is a cache of itself. */
function withRecords(image: FinishedImage, records: string): FinishedImage {
  return { ...image, config: { ...image.config, [inlineKey]: records } };
}
