import { resolve } from 'node:path';
import { parseOutput, plainForm, type ImageForm, type OutputSpec } from '../image/output.js';
import { parseReference } from '../oci/reference.js';
import { TsbuildError } from '../util/errors.js';
import type { BuildRequest } from './build-request.js';
import type { CliContext } from './context.js';
import { refuseUnusedForm } from './form-options.js';
import { checkedForm } from './push-form.js';

/** One push: an image under names, in a form. */
export interface PushOutput {
  /** Normalised. */
  readonly names: readonly string[];
  /** Push by digest alone, without moving a tag. */
  readonly byDigest: boolean;
  readonly form: ImageForm;
}

export interface BuildOutputs {
  /** Paths are absolute, or `-` for standard output. */
  readonly exports: readonly Exclude<OutputSpec, { type: 'image' }>[];
  readonly pushes: readonly PushOutput[];
  /** Names that the image gets in the store. */
  readonly names: readonly string[];
  /** Registries whose certificates are not to be checked. */
  readonly insecureRegistries: readonly string[];
}

type ImageOutput = Extract<OutputSpec, { type: 'image' }>;

/** Reads `--output`, `--push` and `--tag` together. Throws `usage`, and `unsupported` for options that a build cannot do. */
export function parseOutputs(request: BuildRequest, { cwd, stdout }: CliContext): BuildOutputs {
  const specs = request.outputs.map((text) => parseOutput(text, request.form));
  const images = specs.filter((spec) => spec.type === 'image');
  const exports = specs.filter((spec) => spec.type !== 'image').map((spec) => located(spec, cwd));
  for (const spec of specs) if ('form' in spec) refuseForm(checkedForm(spec.form));
  const toStdout = exports.filter(({ dest }) => dest === '-');
  if (toStdout.length > 1) throw new TsbuildError('usage', 'only one output can go to standard output');
  if (toStdout.length === 1 && stdout.isTTY === true) {
    throw new TsbuildError('usage', 'an archive is not written to a terminal', {
      hint: 'redirect standard output, or give dest=FILE',
    });
  }
  const pushes = pushesOf(request, images);
  refuseUnusedForm(request.form, pushes.length > 0 || exports.some((spec) => 'form' in spec));
  const unnamed = new Set(pushes.filter(({ byDigest }) => byDigest).flatMap(({ names }) => names));
  const all = [...request.tags, ...images.flatMap(({ form }) => form.names)];
  return {
    exports,
    pushes,
    names: [...new Set(all)].filter((name) => request.tags.includes(name) || !unnamed.has(name)),
    insecureRegistries: images
      .filter(({ insecure }) => insecure)
      .flatMap(({ form }) => [...request.tags, ...form.names].map((name) => parseReference(name).registry)),
  };
}

/** `--push` is `push=true` of every image output, and one of its own where there is none. */
function pushesOf(
  { push, tags, form = plainForm }: BuildRequest,
  images: readonly ImageOutput[],
): readonly PushOutput[] {
  const own = push && images.length === 0 ? [{ push, pushByDigest: false, form: checkedForm(form) }] : images;
  return own
    .filter((image) => push || image.push || image.pushByDigest)
    .map((image) => {
      const names = [...new Set([...tags, ...image.form.names])];
      if (names.length > 0) return { names, byDigest: image.pushByDigest, form: image.form };
      throw new TsbuildError('usage', 'a push needs a name', {
        hint: 'name the image with -t REGISTRY/NAME:TAG',
      });
    });
}

function located<S extends { readonly dest: string }>(spec: S, cwd: string): S {
  return spec.dest === '-' ? spec : { ...spec, dest: resolve(cwd, spec.dest) };
}

function refuseForm({ annotations }: ImageForm): void {
  if (annotations.length > 0) throw unsupported('annotation');
}

function unsupported(option: string): TsbuildError {
  return new TsbuildError('unsupported', `--output option ${option} is not supported`, {
    hint: 'leave it out: tsbuild refuses what it would otherwise have to ignore',
  });
}
