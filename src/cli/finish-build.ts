import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { BuiltImage } from '../build/build.js';
import type { FinishedImage } from '../build/finish-image.js';
import type { OpenImage } from '../build/open-image.js';
import { storeImage } from '../build/store-image.js';
import type { Annotation } from '../image/annotations.js';
import { exportFailure } from '../image/destination.js';
import { plainForm } from '../image/output.js';
import type { Digest } from '../oci/digest.js';
import { formatPlatform } from '../oci/platform.js';
import { parseReference } from '../oci/reference.js';
import type { Descriptor } from '../oci/types.js';
import type { Job } from '../progress/event.js';
import type { RegistryClient } from '../registry/types.js';
import type { ImageTarget } from '../store/references.js';
import type { Store } from '../store/store.js';
import { buildMetadata, type BuildFindings } from './build-metadata.js';
import type { BuildOutputs } from './build-outputs.js';
import type { BuildRequest } from './build-request.js';
import { isTrue } from './environment.js';
import type { CliContext } from './context.js';
import type { DockerDaemon } from './docker-load.js';

export interface FinishTools {
  readonly request: BuildRequest;
  readonly outputs: BuildOutputs;
  /** To load the image into. */
  readonly daemon: DockerDaemon | undefined;
  readonly context: CliContext;
  readonly store: Store;
  readonly client: () => Promise<RegistryClient>;
  readonly job: Job;
  /** performance.now() at the start of the build. */
  readonly started: number;
  readonly findings: BuildFindings;
}

/** An image or index that is in the store, and what it consists of. */
interface Finished {
  readonly images: readonly OpenImage[];
  readonly target: ImageTarget;
}

/**
 * Names, exports and pushes what was built of one target, and reports it: the digest of the config on standard output,
 * of several platforms that of the index.
 */
export async function finishBuild(built: readonly BuiltImage[], tools: FinishTools): Promise<void> {
  const { outputs, context, job } = tools;
  for (const message of outputs.warnings) job.emit({ kind: 'warning', message });
  const finished = await storeBuilt(built, tools);
  await exportBuilt(finished, built[0]?.epoch, tools);
  if (tools.daemon !== undefined) await loadImage(finished.images, tools.daemon, tools);
  const pushed = await pushBuilt(finished, tools);
  await writeResults(finished, pushed, tools);
  const image = resultId(finished, pushed);
  job.emit({
    kind: 'built',
    names: outputs.names,
    image,
    ...(finished.target.kind === 'image'
      ? {}
      : { platforms: built.map(({ platform }) => formatPlatform(platform)) }),
    ...(await sizeOf(finished.images)),
    hits: new Set(built.flatMap(({ steps }) => [...steps.hits])).size,
    misses: new Set(built.flatMap(({ steps }) => [...steps.misses])).size,
    seconds: (performance.now() - tools.started) / 1000,
  });
  if (!outputs.exports.some(({ dest }) => dest === '-')) context.stdout.write(`${image}\n`);
}

async function storeBuilt(
  built: readonly BuiltImage[],
  { request, outputs, store }: FinishTools,
): Promise<Finished> {
  const { names, annotations } = outputs;
  const shared = { store, names: request.index ? [] : names };
  const all = await Promise.all(
    built.map(({ image, platform }) =>
      storeImage(image, {
        ...shared,
        annotations: [...(request.image.createdAnnotation ? timeOf(image) : []), ...annotations],
        platform,
      }),
    ),
  );
  const images = all.map(({ open }) => open);
  const stored = all.map((one) => one.stored);
  const [only] = stored;
  if (only !== undefined && !request.index) return { images, target: only };
  const { storeIndex } = await import('../build/store-index.js');
  return { images, target: await storeIndex(stored, { store, names, annotations }) };
}

function timeOf({ config: { created } }: FinishedImage): readonly Annotation[] {
  const key = 'org.opencontainers.image.created';
  return created === undefined ? [] : [{ level: 'manifest', platform: undefined, key, value: created }];
}

async function exportBuilt(
  { images }: Finished,
  epoch: number | undefined,
  { request, outputs, context, store, job }: FinishTools,
): Promise<void> {
  for (const spec of outputs.exports) {
    const { exportImages } = await import('../build/export-image.js');
    const { names } = outputs;
    const shared = { names, index: request.index, epoch, store, job, stdout: context.stdout };
    await exportImages(images, { spec, ...shared });
  }
}

/** What the registry has, when something was pushed. */
async function pushBuilt(
  { images }: Finished,
  { request, outputs, store, client, job }: FinishTools,
): Promise<Descriptor | undefined> {
  let pushed: Descriptor | undefined;
  for (const { names, byDigest, form } of outputs.pushes) {
    const { pushImages } = await import('../build/push-image.js');
    const targets = names.map((name) => parseReference(name));
    const options = { store, client: await client(), targets, byDigest, form, index: request.index, job };
    pushed = await pushImages(images, options);
  }
  return pushed;
}

async function loadImage(
  images: readonly OpenImage[],
  daemon: DockerDaemon,
  { outputs, store, job }: FinishTools,
): Promise<void> {
  const [{ exportImages }, { loadIntoDocker }] = await Promise.all([
    import('../build/export-image.js'),
    import('./docker-load.js'),
  ]);
  const form = { ...plainForm, annotations: outputs.annotations };
  const spec = { type: 'docker' as const, dest: '-', tar: true, form };
  const shared = { spec, names: outputs.names, index: false, epoch: undefined, store, job };
  await loadIntoDocker(daemon, job.signal, (stdout) => exportImages(images, { ...shared, stdout }));
}

/** `--iidfile` and `--metadata-file`, with buildx's keys. */
async function writeResults(
  { target }: Pick<Finished, 'target'>,
  pushed: Descriptor | undefined,
  tools: FinishTools,
): Promise<void> {
  const {
    request,
    outputs: { names },
    context,
  } = tools;
  await writeResult(request.iidFile, resultId({ target }, pushed), context);
  const findings = isTrue(context.env['BUILDX_METADATA_WARNINGS']) ? tools.findings : undefined;
  await writeResult(request.metadataFile, buildMetadata({ target, pushed, names }, findings), context);
}

/** The digest of the config, as with buildx; that of an index where it went. */
function resultId({ target }: Pick<Finished, 'target'>, pushed: Descriptor | undefined): Digest {
  return target.kind === 'image' ? target.config : (pushed ?? target.index).digest;
}

async function writeResult(path: string | undefined, text: string, { cwd }: CliContext): Promise<void> {
  if (path === undefined) return;
  await writeFile(resolve(cwd, path), text).catch((error: unknown) => {
    throw exportFailure(error, path);
  });
}

/** How many layers there are, and their bytes as far as they are known without reading them. */
async function sizeOf(
  images: readonly OpenImage[],
): Promise<{ readonly layers: number; readonly size: number }> {
  const layers = new Map(images.flatMap((image) => image.layers).map((layer) => [layer.ref.id, layer]));
  const known = await Promise.all([...layers.values()].map((layer) => layer.knownBlob('none')));
  return { layers: layers.size, size: known.reduce((sum, blob) => sum + (blob?.descriptor.size ?? 0), 0) };
}
