import type { Platform } from '../oci/platform.js';
import type { RemoteBlob } from '../layers/layer.js';
import type { DiffID, Digest } from '../oci/digest.js';

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
  readonly name: string;
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
  /** Archives among the sources are unpacked: by content, always, or never. */
  readonly unpack: 'auto' | 'never';
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
}

/** One thing that can be solved. To add one: a member here, a recipe, a runner; the compiler lists the rest. */
export type Op = ScratchOp | ImageOp | ContextOp | InlineOp | CopyOp | MkdirOp | ExecOp;
