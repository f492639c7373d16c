import { posix } from 'node:path';
import { InstructionError } from './instruction-error.js';
import {
  checkMountValue,
  parseMountBoolean,
  parseMountId,
  parseMountMode,
  parseMountSharing,
  parseMountSize,
} from './mount-values.js';
import type { MountOption } from './types.js';

/** Who owns a mounted file or folder, and its permission bits. */
interface Owned {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * A `--mount` with its variables expanded, its values parsed and its defaults filled in. Targets are as
 * written: one that is relative (or empty) counts from the working directory.
 */
export type Mount =
  | {
      readonly type: 'bind';
      readonly target: string;
      /** A stage, named context or image; undefined for the build context. */
      readonly from: string | undefined;
      readonly source: string;
      readonly readonly: boolean;
    }
  | (Owned & {
      readonly type: 'cache';
      readonly target: string;
      readonly id: string;
      /** What the cache holds when it is first made; undefined for nothing. */
      readonly from: string | undefined;
      readonly source: string;
      readonly sharing: 'shared' | 'private' | 'locked';
      readonly readonly: boolean;
    })
  /** `size` in bytes; undefined for no limit. */
  | { readonly type: 'tmpfs'; readonly target: string; readonly size: number | undefined }
  | (Owned & {
      readonly type: 'secret';
      readonly id: string;
      /** Undefined when the secret is only wanted as a variable. */
      readonly target: string | undefined;
      readonly env: string | undefined;
      readonly required: boolean;
    })
  | (Owned & {
      readonly type: 'ssh';
      readonly id: string;
      /** Undefined for `/run/buildkit/ssh_agent.N`, N counting the ssh mounts of the step. */
      readonly target: string | undefined;
      readonly required: boolean;
    });

/**
 * Expands and checks a mount.
 *
 * @param expand gives a word's value; it is called for every value but that of `from`
 * @throws TsbuildError `dockerfile` for values that are wrong once expanded, and whatever `expand` throws
 */
export function resolveMount(mount: MountOption, expand: (word: string) => string): Mount {
  const options = new Map<string, string>();
  for (const [key, written] of mount.options) {
    const value = key === 'from' ? written : expand(written);
    checkMountValue(key, value);
    options.set(key, value);
  }
  return resolvers[mount.type](options);
}

type Options = ReadonlyMap<string, string>;

const resolvers: Readonly<Record<MountOption['type'], (options: Options) => Mount>> = {
  bind: (options) => ({
    type: 'bind',
    target: options.get('target') ?? '',
    from: nonEmpty(options.get('from')),
    source: options.get('source') ?? '/',
    readonly: isReadonly(options, true),
  }),
  cache: (options) => ({
    type: 'cache',
    target: options.get('target') ?? '',
    id: nonEmpty(options.get('id')) ?? posix.normalize(options.get('target') ?? '').replace(/(.)\/$/, '$1'),
    from: nonEmpty(options.get('from')),
    source: options.get('source') ?? '/',
    sharing: parseMountSharing(options.get('sharing') ?? 'shared'),
    readonly: isReadonly(options, false),
    ...owned(options, 0o755),
  }),
  tmpfs: (options) => {
    const size = options.get('size');
    return {
      type: 'tmpfs',
      target: options.get('target') ?? '',
      size: size === undefined ? undefined : parseMountSize(size),
    };
  },
  secret: resolveSecret,
  ssh: (options) => ({
    type: 'ssh',
    id: nonEmpty(options.get('id')) ?? 'default',
    target: nonEmpty(options.get('target')),
    required: isSet(options, 'required'),
    ...owned(options, 0o600),
  }),
};

/**
 * Without an id the target's last name is the id; without a target the file is in /run/secrets, or is none
 * with env.
 */
function resolveSecret(options: Options): Mount {
  const target = nonEmpty(options.get('target'));
  const id = nonEmpty(options.get('id')) ?? nonEmpty(options.get('source')) ?? posix.basename(target ?? '');
  if (id === '') throw new InstructionError('invalid secret mount: it has neither id nor target');
  const env = options.get('env');
  return {
    type: 'secret',
    id,
    target: target ?? (env === undefined ? `/run/secrets/${id}` : undefined),
    env,
    required: isSet(options, 'required'),
    ...owned(options, 0o400),
  };
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

function isSet(options: Options, key: string): boolean {
  const value = options.get(key);
  return value !== undefined && parseMountBoolean(value);
}

function isReadonly(options: Options, otherwise: boolean): boolean {
  if (options.has('readonly')) return isSet(options, 'readonly');
  return options.has('readwrite') ? !isSet(options, 'readwrite') : otherwise;
}

function owned(options: Options, mode: number): Owned {
  return {
    mode: parseMountMode(options.get('mode') ?? mode.toString(8)),
    uid: parseMountId(options.get('uid') ?? '0'),
    gid: parseMountId(options.get('gid') ?? '0'),
  };
}
