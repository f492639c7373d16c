/** The value of `--output`: what is to become of a built image. */
import type { Compression } from '../oci/media-types.js';
import { formatReference, parseReference, withDefaultTag } from '../oci/reference.js';
import { parseCsv } from '../parser/csv.js';
import { TsbuildError } from '../util/errors.js';
import { outputAnnotation, type Annotation } from './annotations.js';

/** How an image is written, whatever it is written to. */
export interface ImageForm {
  /** Normalised names besides those of `--tag`. */
  readonly names: readonly string[];
  /** Undefined: the output's own choice. */
  readonly compression: Compression | undefined;
  readonly compressionLevel: number | undefined;
  /** Compress layers again that come compressed in another way. */
  readonly forceCompression: boolean;
  readonly ociMediaTypes: boolean;
  /** Files of new layers get SOURCE_DATE_EPOCH when they are newer. Undefined: true, unless another output says no. */
  readonly rewriteTimestamps?: boolean | undefined;
  /** Of one place and key the last counts. */
  readonly annotations: readonly Annotation[];
}

/** `dest` is a path as the user gave it; `-` is standard output. */
export type OutputSpec =
  | { readonly type: 'local'; readonly dest: string; readonly platformSplit: boolean | undefined }
  | { readonly type: 'tar'; readonly dest: string; readonly platformSplit: boolean | undefined }
  /** `tar: false` writes a folder: an OCI image layout. */
  | {
      readonly type: 'oci' | 'docker';
      readonly dest: string;
      readonly tar: boolean;
      readonly form: ImageForm;
    }
  | {
      readonly type: 'image';
      readonly push: boolean;
      /** Push by digest alone, without moving a tag. */
      readonly pushByDigest: boolean;
      readonly insecure: boolean;
      readonly form: ImageForm;
    };

/** The form of an image of which nothing else was said. */
export const plainForm: ImageForm = {
  names: [],
  compression: undefined,
  compressionLevel: undefined,
  forceCompression: false,
  ociMediaTypes: true,
  rewriteTimestamps: undefined,
  annotations: [],
};

/** What speaks of an image for several platforms where Docker's `manifest.json` is all there is. */
export function notForDocker(place: string): TsbuildError {
  return new TsbuildError('unsupported', `${place} cannot hold an image for several platforms`, {
    hint: 'use type=oci or --push, or build for one platform',
  });
}

type Options = Map<string, string>;

const formKeys = [
  'name',
  'compression',
  'compression-level',
  'force-compression',
  'oci-mediatypes',
  'rewrite-timestamp',
];
const keysOf: Readonly<Record<string, readonly string[]>> = {
  local: ['dest', 'platform-split'],
  tar: ['dest', 'platform-split'],
  oci: ['dest', 'tar', ...formKeys],
  docker: ['dest', 'tar', ...formKeys],
  image: ['push', 'push-by-digest', 'registry.insecure', ...formKeys],
  registry: ['push', 'push-by-digest', 'registry.insecure', ...formKeys],
};

/**
 * Parses one `--output` value: CSV fields `key=value`, or a path alone (a local folder; `-` is a tar on standard
 * output); what it does not say of the form is as `usual`. Throws `usage`.
 */
export function parseOutput(text: string, usual: ImageForm = plainForm): OutputSpec {
  const fields = fieldsOf(text);
  const [only = ''] = fields;
  if (fields.length === 1 && !only.includes('=')) return shortForm(only, text);
  const options = optionsOf(fields, text);
  const type = options.get('type');
  if (type === undefined) throw invalid(text, 'it has no type');
  const keys = keysOf[type];
  if (keys === undefined || !Object.hasOwn(keysOf, type)) {
    throw invalid(
      text,
      `the type ${JSON.stringify(type)} is not known`,
      `types are ${Object.keys(keysOf).join(', ')}`,
    );
  }
  for (const key of options.keys()) {
    if (key === 'type' || keys.includes(key) || (keys.includes('name') && key.startsWith('annotation')))
      continue;
    throw invalid(text, `${type} has no option ${JSON.stringify(key)}`, `its options are ${keys.join(', ')}`);
  }
  return specOf(type, options, { text, usual });
}

function fieldsOf(text: string): readonly string[] {
  try {
    return parseCsv(text.trim());
  } catch (error) {
    throw invalid(
      text,
      'its quotes are not those of CSV',
      error instanceof TsbuildError ? error.hint : undefined,
    );
  }
}

function shortForm(path: string, text: string): OutputSpec {
  if (path === '') throw invalid(text, 'it is empty');
  return { type: path === '-' ? 'tar' : 'local', dest: path, platformSplit: undefined };
}

function optionsOf(fields: readonly string[], text: string): Options {
  const options: Options = new Map();
  for (const field of fields) {
    const at = field.indexOf('=');
    if (at < 1) throw invalid(text, `${JSON.stringify(field)} is not of the form key=value`);
    const key = field.slice(0, at).trim().toLowerCase();
    const written = key.startsWith('annotation') ? field.slice(0, at).trim() : key;
    if (options.has(written)) throw invalid(text, `${JSON.stringify(written)} stands there twice`);
    options.set(written, field.slice(at + 1));
  }
  return options;
}

function specOf(
  type: string,
  options: Options,
  { text, usual }: { readonly text: string; readonly usual: ImageForm },
): OutputSpec {
  switch (type) {
    case 'local':
    case 'tar': {
      const dest = destOf(options, text, type === 'tar');
      return { type, dest, platformSplit: booleanOf(options, 'platform-split', text) };
    }
    case 'oci':
    case 'docker': {
      const tar = booleanOf(options, 'tar', text) ?? true;
      return { type, dest: destOf(options, text, tar), tar, form: formOf(options, text, usual) };
    }
    default:
      return {
        type: 'image',
        push: booleanOf(options, 'push', text) ?? type === 'registry',
        pushByDigest: booleanOf(options, 'push-by-digest', text) ?? false,
        insecure: booleanOf(options, 'registry.insecure', text) ?? false,
        form: formOf(options, text, usual),
      };
  }
}

function destOf(options: Options, text: string, stdoutAllowed: boolean): string {
  const dest = options.get('dest') ?? '';
  const hint = `give dest=PATH${stdoutAllowed ? ', or dest=- for standard output' : ''}`;
  if (dest === '') throw invalid(text, 'it has no dest', hint);
  if (dest === '-' && !stdoutAllowed)
    throw invalid(text, 'a folder cannot be written to standard output', hint);
  if (dest.includes('\0')) throw invalid(text, 'dest contains a NUL character');
  return dest;
}

function formOf(options: Options, text: string, usual: ImageForm): ImageForm {
  const names = (options.get('name') ?? '').split(',').filter((name) => name.trim() !== '');
  return {
    names: names.map((name) => formatReference(withDefaultTag(parseReference(name.trim())))),
    compression: compressionOf(options.get('compression'), text) ?? usual.compression,
    compressionLevel: levelOf(options.get('compression-level'), text) ?? usual.compressionLevel,
    forceCompression: booleanOf(options, 'force-compression', text) ?? usual.forceCompression,
    ociMediaTypes: booleanOf(options, 'oci-mediatypes', text) ?? usual.ociMediaTypes,
    rewriteTimestamps: booleanOf(options, 'rewrite-timestamp', text) ?? usual.rewriteTimestamps,
    annotations: [
      ...[...options].filter(([key]) => key.startsWith('annotation')).map((pair) => annotationOf(pair, text)),
      ...usual.annotations,
    ],
  };
}

function compressionOf(value: string | undefined, text: string): Compression | undefined {
  if (value === undefined || value === 'gzip' || value === 'zstd') return value;
  if (value === 'uncompressed') return 'none';
  throw invalid(
    text,
    `the compression ${JSON.stringify(value)} is not known`,
    'use uncompressed, gzip or zstd',
  );
}

function levelOf(value: string | undefined, text: string): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,2}$/.test(value) && Number(value) <= 22) return Number(value);
  throw invalid(text, 'compression-level is not a number from 0 to 22');
}

/** The forms that Go's strconv.ParseBool takes. */
function booleanOf(options: Options, key: string, text: string): boolean | undefined {
  const value = options.get(key);
  if (value === undefined) return undefined;
  if (/^(1|t|T|true|TRUE|True)$/.test(value)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(value)) return false;
  throw invalid(text, `${key} is ${JSON.stringify(value)}, not true or false`);
}

function annotationOf([written, value]: [string, string], text: string): Annotation {
  const annotation = outputAnnotation(written, value);
  if (annotation !== undefined) return annotation;
  throw invalid(text, `${JSON.stringify(written)} is not an annotation`, 'use annotation.KEY=VALUE');
}

function invalid(text: string, problem: string, hint?: string): TsbuildError {
  return new TsbuildError('usage', `invalid output ${JSON.stringify(text.slice(0, 200))}: ${problem}`, {
    hint,
  });
}
