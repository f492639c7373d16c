import { inlineKey } from '../cache/remote/inline-key.js';
import type { Mode, OnFailedStep } from '../executor/types.js';
import type { Refresh } from '../graph/refresh.js';
import { Solver } from '../graph/solver.js';
import type { StepOutcomes } from '../graph/step-log.js';
import type { LayerRef, RemoteBlob } from '../layers/layer.js';
import { Snapshot } from '../layers/snapshot.js';
import type { Platform } from '../oci/platform.js';
import type { Dockerfile } from '../parser/types.js';
import type { Job } from '../progress/event.js';
import type { RegistryClient } from '../registry/types.js';
import type { Remotes } from '../remote/remotes.js';
import type { Store } from '../store/store.js';
import type { BuildContext } from './build-context.js';
import { distinct, findProblems, reportFindings } from './findings.js';
import { finishImage, type FinishedImage, type FinishOptions } from './finish-image.js';
import type { ImageEdits } from './image-edits.js';
import type { PullPolicy } from './image-resolver.js';
import type { NamedContext } from './named-contexts.js';
import type { CacheExport, RemoteCaches } from './remote-caches.js';
import type { TemporaryFiles } from './temporary-files.js';
import type { StepSettings } from './step-equipment.js';
import { openBuild, type OpenBuild, type OpenVariant } from './open-build.js';

/** One image of a build. */
export interface Variant {
  /** Stage name or number; undefined: the last stage. */
  readonly target: string | undefined;
  readonly platform: Platform;
}

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
  /** What is built from the same files with the same options. */
  readonly variants: readonly [Variant, ...Variant[]];
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  /** Variables that every stage begins with. */
  readonly env: ReadonlyMap<string, string>;
  /** False: what FROM names gives no labels. */
  readonly inheritLabels: boolean;
  readonly edits: ImageEdits;
  /** Files of new layers that are newer than the epoch get it; true unless told. */
  readonly rewriteTimestamps?: boolean | undefined;
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
  /** RUN steps and the end of the build wait for it; when it rejects, the build fails. */
  readonly beforeSteps?: Promise<void> | undefined;
  /** Undefined without `--cache-from` and `--cache-to`. */
  readonly caches?: RemoteCaches | undefined;
}

export interface BuiltImage {
  readonly image: FinishedImage;
  readonly platform: Platform;
  /** Of the steps that it needs. */
  readonly steps: StepOutcomes;
  /** Seconds since 1970. */
  readonly epoch: number | undefined;
}

export interface BuildResult {
  /** In the order of the variants. */
  readonly images: readonly BuiltImage[];
  /** Begins to write what was found or made to the caches of `--cache-to`; undefined without any. */
  exportCache(): CacheExport | undefined;
  /** Deletes what the layers may be read from until then. */
  dispose(): Promise<void>;
}

/** Builds all variants with one solver. Nothing is named, exported or pushed: that is the caller's. */
export async function build(input: BuildInput, tools: BuildTools): Promise<BuildResult> {
  const { variants, shop, solving, caches } = await openBuild(input, tools);
  try {
    const vertices = variants.map(({ lowered }) => lowered.vertex);
    const warnings = distinct(variants.flatMap(({ lowered }) => lowered.warnings));
    reportFindings(await findProblems(input, { vertices, warnings }, shop), input, tools.job);
    const solver = new Solver(solving);
    const snapshots = await solver.solveAll(vertices);
    await tools.beforeSteps;
    const finishing = { layers: shop.layers, solver, caches, edits: input.edits };
    const images = await Promise.all(
      variants.map((variant, i) => finish(variant, snapshots[i] ?? Snapshot.empty, finishing)),
    );
    const kept = variants.map(({ fileEpoch }, i) => ({ image: refsOf(snapshots[i]), epoch: fileEpoch }));
    const exportCache = (): CacheExport | undefined => caches?.finish(kept);
    return { images, exportCache, dispose: () => shop.dispose() };
  } catch (error) {
    await shop.dispose();
    throw error;
  }
}

interface Finishing extends Pick<OpenBuild, 'caches'>, Pick<FinishOptions, 'layers' | 'edits'> {
  readonly solver: Solver;
}

async function finish(
  { lowered, platform, epoch, fileEpoch }: OpenVariant,
  snapshot: Snapshot,
  { caches, solver, ...finishing }: Finishing,
): Promise<BuiltImage> {
  const { provenance } = solver;
  const finished = await finishImage(lowered.state, snapshot, { ...finishing, epoch, fileEpoch, provenance });
  const records = await caches?.inline({ image: refsOf(snapshot), epoch: fileEpoch });
  const image = records === undefined ? finished : withRecords(finished, records);
  return { image, platform, epoch, steps: solver.outcomes(lowered.vertex) };
}

function refsOf(snapshot: Snapshot | undefined): readonly LayerRef[] {
  return snapshot?.layers.map(({ ref }) => ref) ?? [];
}

/** An image that is a cache of itself. */
function withRecords(image: FinishedImage, records: string): FinishedImage {
  return { ...image, config: { ...image.config, [inlineKey]: records } };
}
