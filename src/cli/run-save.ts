import { resolve } from 'node:path';
import { exportable } from '../build/export-image.js';
import { createExporter } from '../image/export.js';
import { plainForm, type OutputSpec } from '../image/output.js';
import { TsbuildError } from '../util/errors.js';
import type { CliContext } from './context.js';
import { findImage } from './find-image.js';
import type { SaveRequest } from './image-requests.js';
import { withImageTools } from './image-tools.js';
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
    const { image, names } = await findImage(store, wanted, undefined);
    const exporter = createExporter(outputOf(request, context), { cwd: context.cwd, stdout: context.stdout });
    await exporter.export([await exportable(await open(wanted, image), { names, store })], job);
    return 0;
  });
}

function outputOf(
  { output, format, compression }: SaveRequest,
  { cwd }: CliContext,
): Exclude<OutputSpec, { type: 'image' }> {
  return {
    type: format === 'docker-archive' ? 'docker' : 'oci',
    dest: output === '-' ? output : resolve(cwd, output),
    tar: format !== 'oci-dir',
    form: { ...plainForm, compression },
  };
}
