/** The values of `--cache-from` and `--cache-to`: CSV fields in the form of docker buildx. */
import { resolve } from 'node:path/posix';
import { isDigest } from '../../oci/digest.js';
import type { Compression } from '../../oci/media-types.js';
import { formatReference, isTag, parseReference, withDefaultTag } from '../../oci/reference.js';
import { parseMountSize } from '../../parser/mount-values.js';
import { readFields, type KnownKeys, type OptionFields } from './option-fields.js';
import type { CacheMode } from './select-records.js';

/** Where a cache is. Equal places have equal `name`s. */
export type CachePlace =
  /** A normalised reference with a tag, or a digest where the cache is only read. */
  | { readonly type: 'registry'; readonly ref: string; readonly insecure: boolean }
  | {
      readonly type: 'local';
      /** Absolute. */
      readonly path: string;
      /** A tag, or the digest of a manifest. */
      readonly tag: string;
      /** What was there is left out when something is added. */
      readonly reset: boolean;
    }
  | {
      readonly type: 's3';
      readonly bucket: string;
      /** What keys begin with. */
      readonly blobs: string;
      readonly manifests: string;
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
  /** Fields of the option that have no effect. */
  readonly ignored: readonly string[];
}

export interface CacheTargetOption {
  /** Undefined: inside the image's own config. */
  readonly place: CachePlace | undefined;
  readonly mode: CacheMode;
  readonly compression: Compression;
  /** Undefined: the usual one. */
  readonly compressionLevel: number | undefined;
  /** A failure to write is a warning. */
  readonly ignoreError: boolean;
  readonly mounts: MountChoice;
  /** Bytes of a cache mount that travels. */
  readonly mountLimit: number;
  /** Fields of the option that have no effect. */
  readonly ignored: readonly string[];
}

const s3Keys = [
  'bucket',
  'prefix',
  'blobs_prefix',
  'manifests_prefix',
  'name',
  'region',
  'endpoint_url',
  'use_path_style',
  'access_key_id',
  'secret_access_key',
  'session_token',
];
const ghaKeys = ['scope', 'url', 'url_v2', 'token', 'version'];

const sourceKeys: ReadonlyMap<string, KnownKeys> = new Map([
  ['registry', { used: ['ref', 'registry.insecure'], ignored: [] }],
  ['local', { used: ['src', 'tag', 'digest'], ignored: [] }],
  ['inline', { used: [], ignored: [] }],
  ['s3', { used: s3Keys, ignored: [] }],
  ['gha', { used: ghaKeys, ignored: ['timeout'] }],
]);

const mediaKeys = ['image-manifest', 'oci-mediatypes'];
const keptKeys = [
  'mode',
  'compression',
  'compression-level',
  'force-compression',
  'ignore-error',
  'mounts',
  'max-mount-size',
  ...mediaKeys,
];

const targetKeys: ReadonlyMap<string, KnownKeys> = new Map([
  ['registry', { used: ['ref', 'registry.insecure', ...keptKeys], ignored: [] }],
  ['local', { used: ['dest', 'tag', 'reset', ...keptKeys], ignored: [] }],
  ['inline', { used: keptKeys, ignored: [] }],
  ['s3', { used: [...s3Keys, ...keptKeys], ignored: ['touch_refresh', 'upload_parallelism'] }],
  ['gha', { used: [...ghaKeys, ...keptKeys], ignored: ['timeout', 'repository', 'ghtoken'] }],
]);

/** Bytes of the largest cache mount that travels when nothing else is said. */
const usualMountLimit = 8 * 1024 ** 3;

/** Parses one `--cache-from`; a reference alone is `type=registry`. `cwd` is what paths are relative to. Throws `usage`. */
export function parseCacheFrom(text: string, cwd: string): CacheSourceOption {
  const fields = readFields('--cache-from', text, sourceKeys);
  const place = placeOf(fields, { path: 'src', cwd });
  if (place === undefined) {
    throw fields.wrong(
      'an inline cache is read from its image',
      'write --cache-from type=registry,ref=IMAGE',
    );
  }
  return { place, ignored: fields.ignored };
}

/** Parses one `--cache-to`. Throws `usage`. */
export function parseCacheTo(text: string, cwd: string): CacheTargetOption {
  const fields = readFields('--cache-to', text, targetKeys);
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
  if (mediaKeys.some((key) => fields.flag(key) === false))
    throw fields.wrong('a cache is always an OCI image manifest');
  // Layers that are written are always in the compression asked for; those of bases are not written.
  fields.flag('force-compression');
  return {
    place,
    mode,
    compression: compressionOf(fields),
    compressionLevel: fields.number('compression-level', 22),
    ignoreError: fields.flag('ignore-error') ?? false,
    mounts,
    mountLimit: mountLimitOf(fields),
    ignored: fields.ignored,
  };
}

/** Undefined for `inline`. */
function placeOf(
  fields: OptionFields,
  local: { readonly path: 'src' | 'dest'; readonly cwd: string },
): CachePlace | undefined {
  switch (fields.type) {
    case 'inline':
      return undefined;
    case 'local':
      return {
        type: 'local',
        path: resolve(local.cwd, fields.required(local.path)),
        tag: digestOf(fields) ?? tagOf(fields, 'latest'),
        reset: fields.flag('reset') ?? false,
      };
    case 's3':
      return s3Place(fields);
    case 'gha':
      return ghaPlace(fields);
    default:
      return registryPlace(fields, local.path === 'src');
  }
}

/** Room for `.` and the digits of a part's tag. */
const longestTag = 100;

function registryPlace(fields: OptionFields, isRead: boolean): CachePlace {
  const named = parseReference(fields.required('ref'));
  const reference = named.digest === undefined ? withDefaultTag(named) : { ...named, tag: undefined };
  if (reference.digest !== undefined && !isRead)
    throw fields.wrong('what is written to is named by a tag, not by a digest');
  if ((reference.tag ?? '').length > longestTag)
    throw fields.wrong(`its tag is longer than ${longestTag} characters`);
  return {
    type: 'registry',
    ref: formatReference(reference),
    insecure: fields.flag('registry.insecure') ?? false,
  };
}

function ghaPlace(fields: OptionFields): CachePlace {
  if ((fields.get('version') ?? '2') !== '2')
    throw fields.wrong('only version 2 of the Actions cache is supported');
  return {
    type: 'gha',
    scope: fields.get('scope') ?? 'tsbuild',
    url: fields.get('url_v2') ?? fields.get('url'),
    token: fields.get('token'),
  };
}

function s3Place(fields: OptionFields): CachePlace {
  const accessKeyId = fields.get('access_key_id');
  const secretAccessKey = fields.get('secret_access_key');
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
    throw fields.wrong('access_key_id and secret_access_key belong together');
  const credentials =
    accessKeyId === undefined || secretAccessKey === undefined
      ? undefined
      : { accessKeyId, secretAccessKey, sessionToken: fields.get('session_token') };
  const prefix = folderOf(fields.get('prefix') ?? '');
  return {
    type: 's3',
    bucket: fields.required('bucket'),
    blobs: prefix + folderOf(fields.get('blobs_prefix') ?? 'blobs/'),
    manifests: prefix + folderOf(fields.get('manifests_prefix') ?? 'manifests/'),
    name: tagOf(fields, 'tsbuild', 'name'),
    region: fields.get('region'),
    endpoint: fields.get('endpoint_url'),
    pathStyle: fields.flag('use_path_style') ?? false,
    credentials,
  };
}

function folderOf(prefix: string): string {
  return prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
}

function tagOf(fields: OptionFields, fallback: string, key = 'tag'): string {
  const tag = fields.get(key) ?? fallback;
  if (isTag(tag) && tag.length <= longestTag) return tag;
  throw fields.wrong(`${key} is at most ${longestTag} letters, digits, dots, dashes and underscores`);
}

function digestOf(fields: OptionFields): string | undefined {
  const digest = fields.get('digest');
  if (digest === undefined || isDigest(digest)) return digest;
  throw fields.wrong('digest is not of the form sha256:… with 64 digits');
}

function compressionOf(fields: OptionFields): Compression {
  const name = fields.choice('compression', ['gzip', 'zstd', 'uncompressed']) ?? 'gzip';
  return name === 'uncompressed' ? 'none' : name;
}

function mountsOf(text: string | undefined): MountChoice {
  if (text === undefined || text === 'false') return 'none';
  return text === 'true' ? 'all' : new Set(text.split(';').filter((id) => id !== ''));
}

function mountLimitOf(fields: OptionFields): number {
  const text = fields.get('max-mount-size');
  if (text === undefined) return usualMountLimit;
  try {
    return parseMountSize(text);
  } catch {
    throw fields.wrong(`max-mount-size is a size such as 500m or 2g, not ${JSON.stringify(text)}`);
  }
}
