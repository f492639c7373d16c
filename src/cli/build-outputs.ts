import { resolve } from 'node:path';
import { checkAnnotations, needOci, type Annotation } from '../image/annotations.js';
import { notForDocker, parseOutput, plainForm, type ImageForm, type OutputSpec } from '../image/output.js';
import { parseReference } from '../oci/reference.js';
import { TsbuildError } from '../util/errors.js';
import type { BuildRequest } from './build-request.js';
import { variantsOf } from './build-variants.js';
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
  /** What it is annotated with there. */
  readonly annotations: readonly Annotation[];
  readonly warnings: readonly string[];
  /** Registries whose certificates are not to be checked. */
  readonly insecureRegistries: readonly string[];
  /** Files of new layers get SOURCE_DATE_EPOCH when they are newer. */
  readonly rewriteTimestamps: boolean;
}

type ImageOutput = Extract<OutputSpec, { type: 'image' }>;

/** Reads `--output`, `--push` and `--tag` together. Throws `usage`, and `unsupported` for options that a build cannot do. */
export function parseOutputs(request: BuildRequest, { cwd, stdout }: CliContext): BuildOutputs {
  const { annotations, rewriteTimestamps } = request;
  const asked = { ...(request.form ?? plainForm), annotations, rewriteTimestamps };
  const usual = inOci(asked);
  const given = request.outputs.map((text) => parseOutput(text, asked));
  const specs = given.map((spec) => ('form' in spec ? { ...spec, form: inOci(spec.form) } : spec));
  const wanted = [asked, ...formsOf(given)];
  const forms = [usual, ...formsOf(specs)];
  for (const form of forms) checkForm(form, request);
  if (request.index && specs.some(({ type }) => type === 'docker')) throw notForDocker('a docker archive');
  const images = specs.filter((spec) => spec.type === 'image');
  const exports = specs.filter((spec) => spec.type !== 'image').map((spec) => located(spec, cwd));
  const toStdout = exports.filter(({ dest }) => dest === '-');
  if (toStdout.length > 1) throw new TsbuildError('usage', 'only one output can go to standard output');
  if (toStdout.length === 1 && stdout.isTTY === true) {
    throw new TsbuildError('usage', 'an archive is not written to a terminal', {
      hint: 'redirect standard output, or give dest=FILE',
    });
  }
  const pushes = pushesOf(request, images, usual);
  refuseUnusedForm(request.form, pushes.length > 0 || exports.some((spec) => 'form' in spec));
  const unnamed = new Set(pushes.filter(({ byDigest }) => byDigest).flatMap(({ names }) => names));
  const all = [...request.tags, ...images.flatMap(({ form }) => form.names)];
  return {
    exports,
    pushes,
    names: [...new Set(all)].filter((name) => request.tags.includes(name) || !unnamed.has(name)),
    annotations: [...images.flatMap(({ form }) => form.annotations), ...request.annotations],
    warnings: wanted.every(({ ociMediaTypes }, i) => ociMediaTypes === forms[i]?.ociMediaTypes)
      ? []
      : ["annotations of an index and of descriptors need OCI's media types: they are used"],
    insecureRegistries: images
      .filter(({ insecure }) => insecure)
      .flatMap(({ form }) => [...request.tags, ...form.names].map((name) => parseReference(name).registry)),
    rewriteTimestamps: agreedTimes(forms),
  };
}

/** All outputs of a build have the same layers. */
function agreedTimes(forms: readonly ImageForm[]): boolean {
  const said = new Set(forms.map(({ rewriteTimestamps }) => rewriteTimestamps));
  if (!said.has(false)) return true;
  if (!said.has(true)) return false;
  throw new TsbuildError('usage', 'rewrite-timestamp is true for one output and false for another', {
    hint: 'the outputs of one build have the same layers: build twice',
  });
}

/** As BuildKit: Docker's media types are left where annotations have no place in them. */
function inOci(form: ImageForm): ImageForm {
  return form.ociMediaTypes || !needOci(form.annotations) ? form : { ...form, ociMediaTypes: true };
}

function formsOf(specs: readonly OutputSpec[]): readonly ImageForm[] {
  return specs.flatMap((spec) => ('form' in spec ? [spec.form] : []));
}

function checkForm(form: ImageForm, { index, ...request }: BuildRequest): void {
  const platforms = variantsOf(request).map(({ platform }) => platform);
  checkAnnotations(checkedForm(form).annotations, { platforms, index });
}

/** `--push` is `push=true` of every image output, and one of its own where there is none. */
function pushesOf(
  { push, tags }: BuildRequest,
  images: readonly ImageOutput[],
  usual: ImageForm,
): readonly PushOutput[] {
  const own = push && images.length === 0 ? [{ push, pushByDigest: false, form: usual }] : images;
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
