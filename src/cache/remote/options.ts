/** The values of `--cache-from` and `--cache-to`: CSV fields in the form of docker buildx. */
import { resolve } from 'node:path/posix';
import { formatReference, isTag, parseReference, withDefaultTag } from '../../oci/reference.js';
import type { Compression } from '../../oci/media-types.js';
import { parseCsv } from '../../parser/csv.js';
import { TsbuildError } from '../../util/errors.js';
import type { CacheMode } from './select-records.js';

/** Where a cache is. Equal places have equal `name`s. */
export type CachePlace =
  /** A normalised reference with a tag. */
  | { readonly type: 'registry'; readonly ref: string; readonly insecure: boolean }
  /** An absolute path. */
  | { readonly type: 'local'; readonly path: string; readonly tag: string }
  | {
      readonly type: 's3';
      readonly bucket: string;
      readonly prefix: string;
      readonly name: string;
      readonly region: string | undefined;
      readonly endpoint: string | undefined;
      readonly pathStyle: boolean;
      readonly credentials: S3Credentials | undefined;
    }
  | {
      readonly type: 'gha';
      readonly scope: string;
      readonly url: string | undefined;
      readonly token: string | undefined;
    };

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

/** Which cache mounts travel: all, or those of some ids. */
export type MountChoice = 'none' | 'all' | ReadonlySet<string>;

export interface CacheSourceOption {
  readonly place: CachePlace;
}

export interface CacheTargetOption {
  /** Undefined: inside the image's own config. */
  readonly place: CachePlace | undefined;
  readonly mode: CacheMode;
  readonly compression: Compression;
  /** A failure to write is a warning. */
  readonly ignoreError: boolean;
  readonly mounts: MountChoice;
}

const placeKeys: Readonly<Record<string, readonly string[]>> = {
  registry: ['ref', 'registry.insecure'],
  inline: [],
  s3: [
    'bucket',
    'prefix',
    'name',
    'region',
    'endpoint_url',
    'use_path_style',
    'access_key_id',
    'secret_access_key',
    'session_token',
  ],
  gha: ['scope', 'url', 'url_v2', 'token'],
};
const targetKeys = ['mode', 'compression', 'ignore-error', 'mounts', 'image-manifest', 'oci-mediatypes'];
const types = ['registry', 'local', 'inline', 's3', 'gha'];

/** Parses one `--cache-from`; a reference alone is `type=registry`. `cwd` is what paths are relative to. Throws `usage`. */
export function parseCacheFrom(text: string, cwd: string): CacheSourceOption {
  const fields = readFields('--cache-from', text, { local: ['src', 'tag'], extra: [] });
  const place = placeOf(fields, { path: 'src', cwd });
  if (place === undefined) {
    throw fields.wrong(
      'an inline cache is read from its image',
      'write --cache-from type=registry,ref=IMAGE',
    );
  }
  return { place };
}

/** Parses one `--cache-to`. Throws `usage`. */
export function parseCacheTo(text: string, cwd: string): CacheTargetOption {
  const fields = readFields('--cache-to', text, { local: ['dest', 'tag'], extra: targetKeys });
  const place = placeOf(fields, { path: 'dest', cwd });
  const mode = fields.choice('mode', ['min', 'max']) ?? 'min';
  const mounts = mountsOf(fields.get('mounts'));
  if (place === undefined && mode === 'max')
    throw fields.wrong(
      'an image has room for its own layers only',
      'leave out mode=max, or use type=registry',
    );
  if (place === undefined && mounts !== 'none')
    throw fields.wrong('cache mounts do not fit into an image', 'use type=registry or type=local');
  if (fields.flag('image-manifest') === false || fields.flag('oci-mediatypes') === false)
    throw fields.wrong('a cache is always an OCI image manifest');
  return {
    place,
    mode,
    compression: compressionOf(fields),
    ignoreError: fields.flag('ignore-error') ?? false,
    mounts,
  };
}

interface Fields {
  readonly type: string;
  get(key: string): string | undefined;
  required(key: string): string;
  flag(key: string): boolean | undefined;
  choice<T extends string>(key: string, values: readonly T[]): T | undefined;
  wrong(problem: string, hint?: string): TsbuildError;
}

function readFields(
  option: string,
  text: string,
  { local, extra }: { readonly local: readonly string[]; readonly extra: readonly string[] },
): Fields {
  const values = valuesOf(option, text);
  const type = values.get('type') ?? 'registry';
  const wrong = (problem: string, hint?: string) =>
    new TsbuildError('usage', `${option} ${JSON.stringify(hidden(text))}: ${problem}`, { hint });
  if (!types.includes(type))
    throw wrong(`the type ${JSON.stringify(type)} is not supported`, `types are ${types.join(', ')}`);
  const known = ['type', ...(type === 'local' ? local : (placeKeys[type] ?? [])), ...extra];
  const stranger = [...values.keys()].find((key) => !known.includes(key));
  if (stranger !== undefined)
    throw wrong(
      `${type} has no option ${JSON.stringify(stranger)}`,
      `its options are ${known.slice(1).join(', ')}`,
    );
  const get = (key: string) => values.get(key);
  const choice = <T extends string>(key: string, choices: readonly T[]): T | undefined => {
    const value = values.get(key);
    const found = choices.find((item) => item === value);
    if (value === undefined || found !== undefined) return found;
    throw wrong(`${key} is ${choices.join(' or ')}, not ${JSON.stringify(value)}`);
  };
  return {
    type,
    get,
    required: (key) => {
      const value = values.get(key);
      if (value === undefined || value === '') throw wrong(`it needs ${key}=…`);
      return value;
    },
    flag: (key) => {
      const value = choice(key, ['true', 'false', '1', '0']);
      return value === undefined ? undefined : value === 'true' || value === '1';
    },
    choice,
    wrong,
  };
}

function valuesOf(option: string, text: string): ReadonlyMap<string, string> {
  let fields: readonly string[];
  try {
    fields = parseCsv(text.trim());
  } catch (cause) {
    throw new TsbuildError('usage', `${option}: the quotes of ${JSON.stringify(text)} are not those of CSV`, {
      cause,
    });
  }
  const [only = ''] = fields;
  if (fields.length === 1 && !only.includes('=')) return new Map([['ref', only]]);
  const values = new Map<string, string>();
  for (const field of fields) {
    const at = field.indexOf('=');
    const key = field.slice(0, Math.max(at, 0)).trim().toLowerCase();
    if (key === '')
      throw new TsbuildError('usage', `${option}: ${JSON.stringify(field)} is not of the form key=value`);
    if (values.has(key)) throw new TsbuildError('usage', `${option}: ${key} is given twice`);
    values.set(key, field.slice(at + 1).trim());
  }
  return values;
}

/** Undefined for `inline`. */
function placeOf(
  fields: Fields,
  local: { readonly path: string; readonly cwd: string },
): CachePlace | undefined {
  switch (fields.type) {
    case 'inline':
      return undefined;
    case 'local':
      return {
        type: 'local',
        path: resolve(local.cwd, fields.required(local.path)),
        tag: tagOf(fields, 'latest'),
      };
    case 's3':
      return s3Place(fields);
    case 'gha':
      return {
        type: 'gha',
        scope: fields.get('scope') ?? 'tsbuild',
        url: fields.get('url_v2') ?? fields.get('url'),
        token: fields.get('token'),
      };
    default:
      return registryPlace(fields);
  }
}

/** Room for `.` and the digits of a part's tag. */
const longestTag = 100;

function registryPlace(fields: Fields): CachePlace {
  const reference = withDefaultTag(parseReference(fields.required('ref')));
  if (reference.digest !== undefined) throw fields.wrong('a cache is named by a tag, not by a digest');
  if ((reference.tag ?? '').length > longestTag)
    throw fields.wrong(`its tag is longer than ${longestTag} characters`);
  return {
    type: 'registry',
    ref: formatReference(reference),
    insecure: fields.flag('registry.insecure') ?? false,
  };
}

function s3Place(fields: Fields): CachePlace {
  const accessKeyId = fields.get('access_key_id');
  const secretAccessKey = fields.get('secret_access_key');
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
    throw fields.wrong('access_key_id and secret_access_key belong together');
  const credentials =
    accessKeyId === undefined || secretAccessKey === undefined
      ? undefined
      : { accessKeyId, secretAccessKey, sessionToken: fields.get('session_token') };
  const prefix = fields.get('prefix') ?? '';
  return {
    type: 's3',
    bucket: fields.required('bucket'),
    prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`,
    name: tagOf(fields, 'tsbuild', 'name'),
    region: fields.get('region'),
    endpoint: fields.get('endpoint_url'),
    pathStyle: fields.flag('use_path_style') ?? false,
    credentials,
  };
}

function tagOf(fields: Fields, fallback: string, key = 'tag'): string {
  const tag = fields.get(key) ?? fallback;
  if (isTag(tag) && tag.length <= longestTag) return tag;
  throw fields.wrong(`${key} is at most ${longestTag} letters, digits, dots, dashes and underscores`);
}

function compressionOf(fields: Fields): Compression {
  const name = fields.choice('compression', ['gzip', 'zstd', 'uncompressed']) ?? 'gzip';
  return name === 'uncompressed' ? 'none' : name;
}

function mountsOf(text: string | undefined): MountChoice {
  if (text === undefined || text === 'false') return 'none';
  return text === 'true' ? 'all' : new Set(text.split(';').filter((id) => id !== ''));
}

/** An option without the values that are secrets. */
function hidden(text: string): string {
  return text.replaceAll(/((?:secret_access_key|session_token|token)=)[^,"]*/gi, '$1…');
}
