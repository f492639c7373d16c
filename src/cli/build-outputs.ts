import { resolve } from 'node:path';
import { parseOutput, type ImageForm, type OutputSpec } from '../image/output.js';
import { TsbuildError } from '../util/errors.js';
import type { BuildRequest } from './build-request.js';
import type { CliContext } from './context.js';

export interface BuildOutputs {
  /** Paths are absolute, or `-` for standard output. */
  readonly exports: readonly Exclude<OutputSpec, { type: 'image' }>[];
  /** Normalised names that are pushed. */
  readonly pushTo: readonly string[];
  /** Names that the image gets in the store. */
  readonly names: readonly string[];
  readonly pushes: boolean;
}

/** Reads `--output`, `--push` and `--tag` together. Throws `usage`, and `unsupported` for options that a build cannot do. */
export function parseOutputs(request: BuildRequest, { cwd, stdout }: CliContext): BuildOutputs {
  const specs = request.outputs.map(parseOutput);
  const images = specs.filter((spec) => spec.type === 'image');
  const exports = specs.filter((spec) => spec.type !== 'image').map((spec) => located(spec, cwd));
  for (const spec of specs) if ('form' in spec) refuseForm(spec.form);
  if (images.some(({ pushByDigest, insecure }) => pushByDigest || insecure))
    throw unsupported('push-by-digest and registry.insecure');
  const names = [...new Set([...request.tags, ...images.flatMap(({ form }) => form.names)])];
  const pushes = request.push || images.some(({ push }) => push);
  if (pushes && names.length === 0) {
    throw new TsbuildError('usage', 'a push needs a name', {
      hint: 'name the image with -t REGISTRY/NAME:TAG',
    });
  }
  const toStdout = exports.filter(({ dest }) => dest === '-');
  if (toStdout.length > 1) throw new TsbuildError('usage', 'only one output can go to standard output');
  if (toStdout.length === 1 && stdout.isTTY === true) {
    throw new TsbuildError('usage', 'an archive is not written to a terminal', {
      hint: 'redirect standard output, or give dest=FILE',
    });
  }
  return { exports, pushTo: pushes ? names : [], names, pushes };
}

function located<S extends { readonly dest: string }>(spec: S, cwd: string): S {
  return spec.dest === '-' ? spec : { ...spec, dest: resolve(cwd, spec.dest) };
}

function refuseForm({
  compression,
  compressionLevel,
  forceCompression,
  ociMediaTypes,
  annotations,
}: ImageForm): void {
  if (compression === 'zstd') throw unsupported('compression=zstd');
  if (compressionLevel !== undefined) throw unsupported('compression-level');
  if (forceCompression) throw unsupported('force-compression');
  if (!ociMediaTypes) throw unsupported('oci-mediatypes=false');
  if (annotations.length > 0) throw unsupported('annotation');
}

function unsupported(option: string): TsbuildError {
  return new TsbuildError('unsupported', `--output option ${option} is not supported`, {
    hint: 'leave it out: tsbuild refuses what it would otherwise have to ignore',
  });
}
