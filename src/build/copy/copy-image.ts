import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { folderFiles, readArchiveFiles } from '../../image/archive-files.js';
import type { Platform } from '../../oci/platform.js';
import type { Descriptor } from '../../oci/types.js';
import type { Job } from '../../progress/event.js';
import { pushImage } from '../../registry/push-image.js';
import type { RegistryClient } from '../../registry/types.js';
import type { Store } from '../../store/store.js';
import { errnoCode, TsbuildError } from '../../util/errors.js';
import { readImage, withoutMounts, type ImageSource } from './image-source.js';
import { copyToLayout } from './layout-target.js';
import { layoutSource } from './layout-source.js';
import { formatLocation, type Location } from './location.js';
import { registrySource } from './registry-source.js';
import { copyToStore } from './store-target.js';

export interface CopyTools {
  readonly store: Store;
  readonly client: () => Promise<RegistryClient>;
  readonly job: Job;
  /** Absolute. */
  readonly cwd: string;
  readonly stdout: Writable;
}

/** Where copies come from: archives of `docker save` have no manifest, and images of the store none that is final. */
export type CopySource = Exclude<Location, { readonly kind: 'store' | 'docker-archive' }>;

/**
 * Copies an image as it is, a whole index or the manifest for one platform: every byte that a digest covers stays.
 * Gives the descriptor of what was copied.
 */
export async function copyImage(
  {
    from,
    to,
    platform,
  }: { readonly from: CopySource; readonly to: Location; readonly platform: Platform | undefined },
  tools: CopyTools,
): Promise<Descriptor> {
  const { job } = tools;
  const step = `copy ${formatLocation(from)} ${formatLocation(to)}`;
  job.emit({ kind: 'declared', step, name: `copying ${formatLocation(from)} to ${formatLocation(to)}` });
  job.emit({ kind: 'started', step });
  const source = await openSource(from, tools);
  const image = await readImage(source, platform);
  if (to.kind === 'registry') {
    const mountable = from.kind === 'registry' && from.reference.registry === to.reference.registry;
    const target = mountable ? image : withoutMounts(image);
    await pushImage(await tools.client(), target, [to.reference], job, step);
  } else if (to.kind === 'store') {
    const reference = from.kind === 'registry' ? from.reference : undefined;
    await copyToStore(image, { store: tools.store, name: to.name, source: reference });
  } else {
    const { cwd, stdout } = tools;
    await copyToLayout(image, to, { environment: { cwd, stdout, step }, job });
  }
  job.emit({ kind: 'finished', step, outcome: 'done' });
  return image.descriptor;
}

/** Opens an image where it is. What comes from archives and folders passes through the store. */
export async function openSource(
  from: CopySource,
  { client, store, job, cwd }: Omit<CopyTools, 'stdout'>,
): Promise<ImageSource> {
  if (from.kind === 'registry') return registrySource(await client(), from.reference, job);
  const path = resolve(cwd, from.path);
  const shared = { store, label: `${from.kind}:${from.path}`, name: from.name };
  if (from.kind === 'oci') return layoutSource({ ...shared, files: folderFiles(path, store) });
  try {
    const stream = createReadStream(path, { highWaterMark: 1 << 18 });
    return await layoutSource({ ...shared, files: await readArchiveFiles(stream, store) });
  } catch (error) {
    const code = errnoCode(error);
    if (code === undefined) throw error;
    throw new TsbuildError('archive', `cannot read ${JSON.stringify(from.path)}: ${code}`, { cause: error });
  }
}
