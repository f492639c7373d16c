import type { Compression } from '../oci/media-types.js';
import { parsePlatform, type Platform } from '../oci/platform.js';
import { parseReference, withDefaultTag, type Reference } from '../oci/reference.js';
import type { ProgressKind } from '../progress/kinds.js';
import { TsbuildError } from '../util/errors.js';
import type { PushForm } from '../build/push-image.js';
import type { OptionValues } from './option-table.js';
import { pushForm, type pushFormOptions } from './push-form.js';
import { progressKind, type progressOption } from './progress-option.js';
import { registryRequest, type registryOptions, type RegistryRequest } from './registry-request.js';

interface Progress {
  readonly quiet: boolean;
  readonly progress: ProgressKind;
}

/** `image` is as the store finds it (name, digest or short id); `target` is where it goes. */
export interface PushRequest extends Progress {
  readonly image: string;
  readonly target: Reference;
  readonly form: PushForm;
  readonly registry: RegistryRequest;
}

export interface PullRequest extends Progress {
  readonly name: Reference;
  /** Undefined: the machine's own. */
  readonly platform: Platform | undefined;
  readonly registry: RegistryRequest;
}

export const archiveFormats = ['docker-archive', 'oci-archive', 'oci-dir'] as const;
export type ArchiveFormat = (typeof archiveFormats)[number];

export interface SaveRequest {
  readonly images: readonly string[];
  /** Relative to the working directory; `-` is standard output. */
  readonly output: string;
  readonly format: ArchiveFormat;
  readonly compression: Compression;
}

export interface LoadRequest {
  /** Relative to the working directory; `-` is standard input. */
  readonly input: string;
  /** Names in place of those in the archive; empty: keep them. */
  readonly tags: readonly Reference[];
  readonly quiet: boolean;
}

type Registry = OptionValues<typeof registryOptions>;
type Shown = OptionValues<{ progress: typeof progressOption; quiet: { kind: 'flag'; describe: string } }>;

const compressions = ['none', 'gzip', 'zstd'] as const;

/** Throws `usage`. */
export function pushRequest(
  image: string,
  name: string,
  options: Registry & Shown & OptionValues<typeof pushFormOptions>,
): PushRequest {
  return {
    image,
    target: withDefaultTag(parseReference(name)),
    form: pushForm(options),
    ...progress(options),
    registry: registryRequest(options),
  };
}

/** Throws `usage`. */
export function pullRequest(
  name: string,
  options: Registry & Shown & { readonly platform: string | undefined },
): PullRequest {
  return {
    name: withDefaultTag(parseReference(name)),
    platform: options.platform === undefined ? undefined : parsePlatform(options.platform),
    ...progress(options),
    registry: registryRequest(options),
  };
}

/** Throws `usage`. */
export function saveRequest(
  images: readonly string[],
  options: Readonly<Record<'output' | 'format' | 'compression', string | undefined>>,
): SaveRequest {
  const format = oneOf(archiveFormats, options.format) ?? 'oci-archive';
  const output = options.output ?? '-';
  if (format === 'oci-dir' && output === '-') {
    throw new TsbuildError('usage', 'an OCI layout is a folder', { hint: 'name it with -o FOLDER' });
  }
  const usual = format === 'docker-archive' ? 'none' : 'gzip';
  return { images, output, format, compression: oneOf(compressions, options.compression) ?? usual };
}

/** Throws `usage`. */
export function loadRequest(options: {
  readonly input: string | undefined;
  readonly tag: readonly string[];
  readonly quiet: boolean;
}): LoadRequest {
  const tags = options.tag.map((tag) => withDefaultTag(parseReference(tag)));
  return { input: options.input ?? '-', tags, quiet: options.quiet };
}

function progress(options: Shown): Progress {
  return { quiet: options.quiet, progress: progressKind(options) };
}

function oneOf<T extends string>(values: readonly T[], text: string | undefined): T | undefined {
  return values.find((value) => value === text);
}
