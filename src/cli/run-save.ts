import { resolve } from 'node:path';
import { exportable } from '../build/export-image.js';
import type { Annotation } from '../image/annotations.js';
import { createExporter } from '../image/export.js';
import { plainForm, type OutputSpec } from '../image/output.js';
import type { Store } from '../store/store.js';
import { TsbuildError } from '../util/errors.js';
import type { CliContext } from './context.js';
import { findImage, findTarget } from './find-image.js';
import type { SaveRequest } from './image-requests.js';
import { openTarget, withImageTools } from './image-tools.js';
import { registryDefaults } from './registry-request.js';

/** Writes an image of the store to an archive or layout. Resolves to the exit code. */
export async function runSave(request: SaveRequest, context: CliContext): Promise<number> {
  const [wanted, ...others] = request.images;
  if (wanted === undefined || others.length > 0) {
    throw new TsbuildError('unsupported', 'tsbuild save writes one image', {
      hint: 'save each image to a file of its own',
    });
  }
  if (request.output === '-' && context.stdout.isTTY === true) {
    throw new TsbuildError('usage', 'an archive is not written to a terminal', {
      hint: 'give -o FILE, or redirect standard output',
    });
  }
  const progress = { kind: 'auto' as const, pushed: false };
  return withImageTools({ registry: registryDefaults, progress }, context, async ({ store, job, open }) => {
    const { target, names } =
      request.format === 'docker-archive' ? await oneImage(store, wanted) : await findTarget(store, wanted);
    const { images, index, annotations } = await openTarget(target, wanted, { store, open });
    const { cwd, stdout } = context;
    const exporter = createExporter(outputOf(request, annotations, cwd), { cwd, stdout, index });
    await exporter.export(await Promise.all(images.map((one) => exportable(one, { names, store }))), job);
    return 0;
  });
}

/** What a docker archive can hold. */
async function oneImage(store: Store, wanted: string): ReturnType<typeof findTarget> {
  const { image, names } = await findImage(store, wanted, undefined);
  return { target: image, names };
}

function outputOf(
  { output, format, compression }: SaveRequest,
  annotations: readonly Annotation[],
  cwd: string,
): Exclude<OutputSpec, { type: 'image' }> {
  return {
    type: format === 'docker-archive' ? 'docker' : 'oci',
    dest: output === '-' ? output : resolve(cwd, output),
    tar: format !== 'oci-dir',
    form: { ...plainForm, compression, annotations },
  };
}
