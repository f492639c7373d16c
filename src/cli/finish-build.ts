import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { BuildResult } from '../build/build.js';
import type { OpenImage } from '../build/open-image.js';
import { storeImage } from '../build/store-image.js';
import { plainForm } from '../image/output.js';
import { parseReference } from '../oci/reference.js';
import type { Descriptor } from '../oci/types.js';
import type { Job } from '../progress/event.js';
import type { RegistryClient } from '../registry/types.js';
import type { StoredImage } from '../store/references.js';
import type { Store } from '../store/store.js';
import { TsbuildError } from '../util/errors.js';
import type { BuildOutputs } from './build-outputs.js';
import type { BuildRequest } from './build-request.js';
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
}

/** Names, exports and pushes what was built, and reports it: the digest of the config on standard output. */
export async function finishBuild(result: BuildResult, tools: FinishTools): Promise<void> {
  const { request, outputs, context, store, client, job } = tools;
  const { open, stored } = await storeImage(result.image, {
    store,
    names: outputs.names,
    platform: result.platform,
  });
  for (const spec of outputs.exports) {
    const { exportImage } = await import('../build/export-image.js');
    await exportImage(open, {
      spec,
      names: outputs.names,
      epoch: result.epoch,
      store,
      job,
      stdout: context.stdout,
    });
  }
  if (tools.daemon !== undefined) await loadImage(open, tools.daemon, tools);
  let pushed: Descriptor | undefined;
  for (const { names, byDigest, form } of outputs.pushes) {
    const { pushImage } = await import('../build/push-image.js');
    const targets = names.map((name) => parseReference(name));
    pushed = await pushImage(open, { store, client: await client(), targets, byDigest, form, job });
  }
  await writeResults({ stored, pushed, names: outputs.names }, { request, context });
  job.emit({
    kind: 'built',
    names: outputs.names,
    image: stored.config,
    layers: open.layers.length,
    size: await sizeOf(open),
    hits: result.hits,
    misses: result.misses,
    seconds: (performance.now() - tools.started) / 1000,
  });
  if (!outputs.exports.some(({ dest }) => dest === '-')) context.stdout.write(`${stored.config}\n`);
}

async function loadImage(
  image: OpenImage,
  daemon: DockerDaemon,
  { outputs, store, job }: FinishTools,
): Promise<void> {
  const [{ exportImage }, { loadIntoDocker }] = await Promise.all([
    import('../build/export-image.js'),
    import('./docker-load.js'),
  ]);
  const spec = { type: 'docker' as const, dest: '-', tar: true, form: plainForm };
  const shared = { spec, names: outputs.names, epoch: undefined, store, job };
  await loadIntoDocker(daemon, job.signal, (stdout) => exportImage(image, { ...shared, stdout }));
}

interface Written {
  readonly stored: StoredImage;
  /** What the registry has, when something was pushed. */
  readonly pushed: Descriptor | undefined;
  readonly names: readonly string[];
}

/** `--iidfile` and `--metadata-file`, with buildx's keys. */
async function writeResults(
  { stored, pushed, names }: Written,
  { request, context }: { readonly request: BuildRequest; readonly context: CliContext },
): Promise<void> {
  const descriptor = pushed ?? stored.manifest;
  const metadata = {
    'containerimage.config.digest': stored.config,
    'containerimage.descriptor': descriptor,
    'containerimage.digest': descriptor.digest,
    ...(names.length === 0 ? {} : { 'image.name': names.join(',') }),
  };
  await writeResult(request.iidFile, stored.config, context);
  await writeResult(request.metadataFile, `${JSON.stringify(metadata, undefined, 2)}\n`, context);
}

async function writeResult(path: string | undefined, text: string, { cwd }: CliContext): Promise<void> {
  if (path === undefined) return;
  await writeFile(resolve(cwd, path), text).catch((error: unknown) => {
    throw new TsbuildError('build', `cannot write ${JSON.stringify(path)}`, { cause: error });
  });
}

/** Bytes of the layers as far as they are known without reading them. */
async function sizeOf({ layers }: OpenImage): Promise<number> {
  const known = await Promise.all(layers.map((layer) => layer.knownBlob('none')));
  return known.reduce((sum, blob) => sum + (blob?.descriptor.size ?? 0), 0);
}
