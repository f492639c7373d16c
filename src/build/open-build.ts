import { stepClaims } from '../cache/claim-step.js';
import { FileListings } from '../cache/file-listing.js';
import { LocalCache } from '../cache/local-cache.js';
import type { CdiDevices } from '../executor/cdi/read-specs.js';
import { sourceSnapshot } from '../graph/dispatch.js';
import { globalsOf, lower } from '../graph/lower/lower.js';
import type { Lowered, LowerRequest } from '../graph/lower/lowering.js';
import { refreshedSteps } from '../graph/refresh.js';
import type { Workshop } from '../graph/runner.js';
import type { SolverOptions } from '../graph/solver.js';
import { ancestry } from '../graph/vertex.js';
import { isLayerRef, type LayerRef } from '../layers/layer.js';
import { formatPlatform, hostPlatform, type Platform } from '../oci/platform.js';
import type { BuildInput, BuildTools, Variant } from './build.js';
import { epochName, epochOf, withEpoch } from './epoch.js';
import { ImageResolver } from './image-resolver.js';
import { maybeContextName } from './named-contexts.js';
import type { AttachedCaches } from './remote-caches.js';
import { stepDevices } from './step-equipment.js';
import { unusedContexts } from './unused-contexts.js';
import { openWorkshop, type OpenWorkshop } from './workshop.js';

/** The graph of one target for one platform. */
export interface OpenVariant {
  readonly platform: Platform;
  /** Seconds since 1970: the time of the image. */
  readonly epoch: number | undefined;
  /** The latest time of files in new layers. */
  readonly fileEpoch: number | undefined;
  readonly lowered: Lowered;
}

/** The graphs of a build and what solves them. Nothing was run, walked or fetched for it. */
export interface OpenBuild {
  readonly variants: readonly OpenVariant[];
  readonly shop: OpenWorkshop;
  readonly solving: SolverOptions;
  /** Undefined without `--cache-from` and `--cache-to`. */
  readonly caches: AttachedCaches | undefined;
}

/** Base images are resolved. The caller disposes of the workshop. */
export async function openBuild(input: BuildInput, tools: BuildTools): Promise<OpenBuild> {
  const images = new ImageResolver({ ...tools, policy: input.pull });
  const devices = stepDevices(tools.steps, tools.job);
  const variants = await Promise.all(
    input.variants.map((variant) => openVariant(variant, input, { tools, images, devices })),
  );
  warnOfUnused(input, variants, tools);
  const shop = openWorkshop(input, tools, devices);
  const local = new LocalCache<LayerRef>(tools.store, isLayerRef, (ref) => shop.layers.available(ref));
  const caches = await tools.caches?.attach(
    local,
    shop.layers,
    variants.map(({ lowered }) => lowered.vertex),
  );
  if (caches !== undefined) await openBases(variants, shop);
  const solving = {
    shop,
    cache: caches?.cache ?? local,
    listings: new FileListings(tools.store),
    claim: stepClaims(tools.store),
    source: input.dockerfile.source,
    ttl: input.cacheTtl,
  };
  return { variants, shop, solving, caches };
}

interface OpeningTools {
  readonly tools: BuildTools;
  readonly images: ImageResolver;
  readonly devices: CdiDevices;
}

async function openVariant(
  { target, platform }: Variant,
  input: BuildInput,
  { tools, images, devices }: OpeningTools,
): Promise<OpenVariant> {
  const isRefreshed = refreshedSteps(input.dockerfile, input.refresh);
  const platforms = new Set(input.variants.map((variant) => formatPlatform(variant.platform)));
  const request: LowerRequest = {
    dockerfile: input.dockerfile,
    identity: input.identity,
    target,
    platform,
    namePlatforms: platforms.size > 1,
    buildPlatform: hostPlatform(),
    buildArgs: input.buildArgs,
    labels: input.labels,
    env: input.env,
    inheritLabels: input.inheritLabels,
    ignoreCache: (stage, range) => input.noCache || isRefreshed(stage, range),
    resolveImage: (name, wanted) => images.resolve(name, wanted),
    namedContext: namedSources(input, images),
    network: tools.steps.network,
    entitlements: tools.steps.entitlements,
    allowedDevices: tools.steps.allowedDevices,
    devices: devices.registry,
  };
  const epochText = input.buildArgs.get(epochName) ?? globalsOf(request).get(epochName);
  const epoch = await epochOf(epochText, input.context);
  const lowered = await lower({ ...request, buildArgs: withEpoch(input.buildArgs, epoch) });
  const { timestamp } = input.edits;
  const keepsTimes = timestamp !== undefined || input.rewriteTimestamps === false;
  return { platform, epoch: timestamp ?? epoch, fileEpoch: keepsTimes ? undefined : epoch, lowered };
}

function warnOfUnused(
  { dockerfile, namedContexts }: BuildInput,
  variants: readonly OpenVariant[],
  { job }: BuildTools,
): void {
  const unused = variants.map(
    ({ lowered }) => new Set(unusedContexts(namedContexts.keys(), dockerfile, lowered.globals)),
  );
  for (const name of namedContexts.keys()) {
    if (!unused.every((names) => names.has(name))) continue;
    const shown = JSON.stringify(namedContexts.get(name)?.name);
    job.emit({ kind: 'warning', message: `no instruction names the build context ${shown}` });
  }
}

/** What `--build-context` says of the names in the Dockerfile. */
function namedSources({ namedContexts }: BuildInput, images: ImageResolver): LowerRequest['namedContext'] {
  return async (name, platform) => {
    const full = maybeContextName(name);
    const named = full === undefined ? undefined : namedContexts.get(full);
    if (full === undefined || named === undefined) return undefined;
    if (named.kind === 'files') return { kind: 'files', name: full };
    return { kind: 'image', image: await named.resolve(images, platform) };
  };
}

/** Records of other machines name the layers of base images, which nothing else of a build that only hits would open. */
async function openBases(variants: readonly OpenVariant[], shop: Workshop): Promise<void> {
  const targets = variants.map(({ lowered }) => lowered.vertex);
  const bases = ancestry(...targets).filter(({ op }) => op.kind === 'image');
  await Promise.all(bases.map((base) => sourceSnapshot(base, shop)));
}
