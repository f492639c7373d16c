import type { Platform } from '../oci/platform.js';
import type { RemoteBlob } from '../layers/layer.js';
import type { DiffID, Digest } from '../oci/digest.js';
import type { GitSource } from '../remote/git-url.js';

/** Nothing: FROM scratch, and the ground of COPY --link. */
export interface ScratchOp {
  readonly kind: 'scratch';
}

/** A resolved base image: digests only, so that its key never depends on a name or a tag. */
export interface ImageOp {
  readonly kind: 'image';
  /** What the Dockerfile calls it: for people, in no key. */
  readonly name: string;
  readonly config: Digest;
  readonly layers: readonly { readonly diffId: DiffID; readonly blob: RemoteBlob }[];
  /** Milliseconds since 1970, from the config; 0 when it says none. */
  readonly created: number;
}

/** A build context. What of it matters is decided by the op that reads it. */
export interface ContextOp {
  readonly kind: 'context';
  /** `context`, or the full name of a `--build-context`. */
  readonly name: string;
}

/** A file by URL (ADD). */
export interface HttpOp {
  readonly kind: 'http';
  readonly url: string;
  readonly checksum?: Digest | undefined;
}

/** A git repository (ADD). */
export interface GitOp {
  readonly kind: 'git';
  readonly source: GitSource;
}

/** Files whose content stands in the Dockerfile. */
export interface InlineOp {
  readonly kind: 'inline';
  readonly files: readonly { readonly name: string; readonly content: string }[];
}

/** One source word of COPY or ADD. */
export interface CopySourceSpec {
  /** Which input of the vertex it is read from; input 0 is the base. */
  readonly input: number;
  /** A path or pattern, as a byte string. */
  readonly pattern: string;
  /** Archives that it selects are unpacked: by content, or never. */
  readonly unpack: 'auto' | 'never';
}

/** COPY and ADD. Input 0 is what is copied onto, the others are what is copied from. */
export interface CopyOp {
  readonly kind: 'copy';
  readonly sources: readonly CopySourceSpec[];
  readonly destination: string;
  readonly workdir: string;
  readonly chown?: string | undefined;
  readonly chmod?: string | undefined;
  readonly parents: boolean;
  readonly exclude: readonly string[];
  /** COPY --link: built on nothing, laid on top. */
  readonly link: boolean;
}

/** WORKDIR. */
export interface MkdirOp {
  readonly kind: 'mkdir';
  readonly path: string;
  /** The USER in force, unresolved; created directories belong to it. */
  readonly user: string;
}

/** RUN. Input 0 is the root, the others are what its mounts show. */
export interface ExecOp {
  readonly kind: 'exec';
  readonly argv: readonly string[];
  /** `NAME=value`, in order: the whole environment of the step but for proxies. */
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: string;
  readonly network: 'default' | 'host' | 'none';
  readonly security: 'sandbox' | 'insecure';
  readonly hostname: string;
  readonly platform: Platform;
  /** Executable files shown to the step, such as a heredoc that starts with `#!`. */
  readonly files: readonly { readonly target: string; readonly content: string }[];
  /** In the order written; each target once. */
  readonly mounts: readonly ExecMount[];
  /** In the order written. */
  readonly devices: readonly ExecDevice[];
}

/** A device, or several that have a name in common, with aliases replaced. */
export interface ExecDevice {
  /** `vendor.com/class`, `vendor.com/class=name` or `vendor.com/class=*`. */
  readonly name: string;
  /** Without one that is not, the step runs without it. */
  readonly required: boolean;
}

/** A path of an input of the vertex: absolute and clean. */
export interface MountSource {
  readonly input: number;
  readonly path: string;
}

/** Who owns what a mount shows, and its permission bits. */
interface Owned {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** RUN --mount with everything resolved. Targets are absolute and clean. */
export type ExecMount =
  | {
      readonly kind: 'bind';
      readonly target: string;
      readonly source: MountSource;
      /** Writes are possible, and discarded. */
      readonly writable: boolean;
    }
  | (Owned & {
      readonly kind: 'cache';
      readonly target: string;
      readonly id: string;
      readonly sharing: 'shared' | 'private' | 'locked';
      readonly readonly: boolean;
      /** What the cache holds when it is first made. */
      readonly seed?: MountSource | undefined;
      /** The folder of a cache without a seed that is shown; `/` is all of it. */
      readonly path: string;
    })
  | { readonly kind: 'tmpfs'; readonly target: string; readonly size?: number | undefined }
  | (Owned & {
      readonly kind: 'secret';
      readonly id: string;
      /** Without one the secret is only a variable. */
      readonly target?: string | undefined;
      readonly env?: string | undefined;
      readonly required: boolean;
    })
  | (Owned & {
      readonly kind: 'ssh';
      readonly id: string;
      readonly target: string;
      readonly required: boolean;
    });

/** One thing that can be solved. To add one: a member here, a recipe, a runner; the compiler lists the rest. */
export type Op = ScratchOp | ImageOp | ContextOp | HttpOp | GitOp | InlineOp | CopyOp | MkdirOp | ExecOp;
