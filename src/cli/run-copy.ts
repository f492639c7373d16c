import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { copyImage } from '../build/copy/copy-image.js';
import { formatLocation, parseLocation, type Location } from '../build/copy/location.js';
import { exportable } from '../build/export-image.js';
import { pushImages } from '../build/push-image.js';
import { createExporter } from '../image/export.js';
import { loadArchive } from '../image/load-archive.js';
import type { OutputSpec } from '../image/output.js';
import { parsePlatform, type Platform } from '../oci/platform.js';
import { formatReference, parseReference, withDefaultTag } from '../oci/reference.js';
import type { Descriptor } from '../oci/types.js';
import { imagesOf, type ImageTarget } from '../store/references.js';
import { TsbuildError } from '../util/errors.js';
import type { CliContext } from './context.js';
import { findImage, findTarget } from './find-image.js';
import { openTarget, withImageTools, type ImageTools } from './image-tools.js';
import type { OptionValues } from './option-table.js';
import { progressKind, type progressOption } from './progress-option.js';
import type { ProgressOptions } from './progress-output.js';
import { pushForm, type pushFormOptions } from './push-form.js';
import type { PushForm } from '../build/push-image.js';
import { registryRequest, type registryOptions, type RegistryRequest } from './registry-request.js';

export interface CopyRequest {
  readonly from: Location;
  readonly to: Location;
  readonly platform: Platform | undefined;
  readonly form: PushForm;
  readonly progress: ProgressOptions;
  readonly registry: RegistryRequest;
}

type Options = OptionValues<typeof registryOptions> &
  OptionValues<typeof pushFormOptions> &
  OptionValues<{ progress: typeof progressOption }> & {
    readonly platform: string | undefined;
    readonly quiet: boolean;
  };

/** Throws `usage`. */
export function copyRequest(from: string, to: string, options: Options): CopyRequest {
  const target = parseLocation(to);
  return {
    from: parseLocation(from),
    to: target,
    platform: options.platform === undefined ? undefined : parsePlatform(options.platform),
    form: pushForm(options),
    progress: { kind: progressKind(options), pushed: target.kind === 'registry' },
    registry: registryRequest(options),
  };
}

/** Copies, and prints what there is now. Resolves to the exit code. */
export async function runCopy(request: CopyRequest, context: CliContext): Promise<number> {
  const { registry, progress, from, to, platform } = request;
  return withImageTools({ registry, progress }, context, async (tools) => {
    if (from.kind === 'store' || from.kind === 'docker-archive') {
      const target = await storedSource(from, request, { tools, context });
      context.stdout.write(`${await copyStored(target, request, { tools, context })}\n`);
      return 0;
    }
    const { store, client, job } = tools;
    const { cwd, stdout } = context;
    const { digest } = await copyImage({ from, to, platform }, { store, client, job, cwd, stdout });
    if (to.kind === 'store') await store.updateIndex();
    context.stdout.write(`${copied(to, digest)}\n`);
    return 0;
  });
}

interface Setting {
  readonly tools: ImageTools;
  readonly context: CliContext;
}

/** An image that is in the store already, or was loaded into it from an archive of `docker save`. */
async function storedSource(
  from: Extract<Location, { kind: 'store' | 'docker-archive' }>,
  { platform, to }: CopyRequest,
  { tools: { store }, context: { cwd } }: Setting,
): Promise<ImageTarget> {
  if (from.kind === 'store') {
    const isOne = platform !== undefined || to.kind === 'docker-archive';
    if (isOne) return (await findImage(store, from.name, platform)).image;
    return (await findTarget(store, from.name)).target;
  }
  const path = resolve(cwd, from.path);
  const loaded = await loadArchive(createReadStream(path, { highWaterMark: 1 << 18 }), store);
  const wanted = from.name === undefined ? undefined : normalised(from.name);
  const fitting = loaded.filter(({ names }) => wanted === undefined || names.includes(wanted));
  const [only] = fitting.flatMap(({ target }: { target: ImageTarget }) => imagesOf(target));
  if (only !== undefined && fitting.length === 1) return only;
  const names = loaded.flatMap((image) => image.names).slice(0, 20);
  throw new TsbuildError('archive', `${formatLocation(from)} does not name one image of ${loaded.length}`, {
    hint: names.length === 0 ? undefined : `the archive has ${names.join(', ')}`,
  });
}

async function copyStored(
  target: ImageTarget,
  request: CopyRequest,
  { tools, context }: Setting,
): Promise<string> {
  const { from, to, form } = request;
  const { store, client, job } = tools;
  if (to.kind === 'store') {
    await store.references.set(normalised(to.name), target);
    return copied(to, rootOf(target).digest);
  }
  const { images, index, annotations } = await openTarget(target, formatLocation(from), tools);
  if (to.kind === 'registry') {
    const targets = [to.reference];
    const pushing = { store, client: await client(), targets, form: { ...form, annotations }, index, job };
    const { digest } = await pushImages(images, pushing);
    return copied(to, digest);
  }
  const { cwd, stdout } = context;
  const spec = outputOf(to, { ...form, annotations }, cwd);
  const exporter = createExporter(spec, { cwd, stdout, index });
  const names = to.name === undefined || to.kind !== 'docker-archive' ? [] : [normalised(to.name)];
  const exported = await Promise.all(images.map((image) => exportable(image, { names, store })));
  const { descriptor } = await exporter.export(exported, job);
  return copied(to, descriptor?.digest ?? rootOf(target).digest);
}

function rootOf(target: ImageTarget): Descriptor {
  return target.kind === 'index' ? target.index : target.manifest;
}

function outputOf(
  to: Extract<Location, { readonly path: string }>,
  form: PushForm,
  cwd: string,
): Exclude<OutputSpec, { type: 'image' }> {
  return {
    type: to.kind === 'docker-archive' ? 'docker' : 'oci',
    dest: resolve(cwd, to.path),
    tar: to.kind !== 'oci',
    form: { ...form, names: to.name === undefined ? [] : [normalised(to.name)] },
  };
}

function normalised(name: string): string {
  return formatReference(withDefaultTag(parseReference(name)));
}

function copied(to: Location, digest: string): string {
  if (to.kind !== 'registry') return `${formatLocation(to)} ${digest}`;
  return formatReference({ ...to.reference, digest: undefined }) + `@${digest}`;
}
