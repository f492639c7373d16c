/**
 * The values of the layer algebra. A root file system is a value (*tree*); what one layer does to it is a value
 * (*changeset*). Both are immutable and share structure. Names, link targets and xattr names are byte strings
 * (see util/bytes). Paths are relative to the root, joined with `/`, without a leading slash; '' is the root.
 */
import type { Digest } from '../oci/digest.js';

/** What every node carries. */
export interface Metadata {
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970; may be negative. */
  readonly mtime: bigint;
  /** Values are bytes; the map is absent when empty. */
  readonly xattrs?: ReadonlyMap<string, Uint8Array> | undefined;
}

/** Names of one tree with the same group are hard links of one file. Compared by identity only. */
export type LinkGroup = object;

export interface File {
  readonly kind: 'file';
  readonly meta: Metadata;
  /** Bytes. */
  readonly size: number;
  readonly digest: Digest;
  /** Present when the file has, or had, other names. A group of one name equals no group. */
  readonly links?: LinkGroup | undefined;
}

export interface Symlink {
  readonly kind: 'symlink';
  readonly meta: Metadata;
  readonly target: string;
}

export interface Device {
  readonly kind: 'device';
  readonly type: 'char' | 'block' | 'fifo';
  readonly meta: Metadata;
  /** 0 for a fifo. */
  readonly major: number;
  readonly minor: number;
}

export interface Directory {
  readonly kind: 'directory';
  readonly meta: Metadata;
  readonly entries: ReadonlyMap<string, Node>;
}

export type Node = Directory | File | Symlink | Device;

/** A whole root, without whiteouts. */
export type Tree = Directory;

/** Another name of a file: `target` is a path from the root, in the same layer or below it. */
export interface HardLink {
  readonly kind: 'hardlink';
  readonly target: string;
  /**
   * The target is what the tree below had there, even where this changeset replaces or hides it. Only `compose`
   * makes such links (a layer links to a file, a later one replaces the file); no single tar layer can.
   */
  readonly below?: boolean | undefined;
}

export interface Whiteout {
  readonly kind: 'whiteout';
}

/** A directory of a changeset. `meta` is undefined where a tar left out the parent: what is below keeps its own. */
export interface ChangesetDirectory {
  readonly kind: 'directory';
  readonly meta: Metadata | undefined;
  /** What is below this directory is hidden. Always false at the root unless a `.wh..wh..opq` stands there. */
  readonly opaque: boolean;
  readonly entries: ReadonlyMap<string, ChangesetEntry>;
}

export type ChangesetEntry = ChangesetDirectory | File | Symlink | HardLink | Device | Whiteout;

/** What one layer does to a tree (image-spec layer.md, "Change Types"). */
export type Changeset = ChangesetDirectory;

/** Where the bytes of a file can be read. A value: nothing is open. */
export type Body =
  /** A regular file of the host. `path` is a byte string and absolute. */
  | { readonly kind: 'path'; readonly path: string }
  /** A range of a host file, such as an uncompressed layer tar. */
  | { readonly kind: 'range'; readonly path: string; readonly offset: number; readonly size: number }
  /** Stretches of a host file with zeros between them: the extents are stored one after the other from `offset` on. */
  | {
      readonly kind: 'sparse';
      readonly path: string;
      readonly offset: number;
      readonly size: number;
      readonly extents: readonly SparseExtent[];
    }
  | { readonly kind: 'memory'; readonly bytes: Uint8Array };

/** A stretch of data of a file; what lies between stretches is zeros. Extents are in order and do not overlap. */
export interface SparseExtent {
  /** Where it belongs in the file. */
  readonly offset: number;
  readonly length: number;
}

/** Finds the bytes of a file of a tree or changeset. Readers compare size and digest while they read. */
export type BodySource = (file: File) => Promise<Body> | Body;

/**
 * Which attributes a directory form uses: `trusted.overlay.*` as root, `user.overlay.*` in a user namespace, and `plain`
 * ones of our own where the file system takes no whiteouts, because it is an overlay itself.
 */
export type OverlayNamespace = 'trusted' | 'user' | 'plain';

/** A layer on disk in the form that overlayfs takes as a lowerdir: whiteouts are 0:0 character devices, in the plain form marked files. */
export interface LayerDirectory {
  /** Absolute host path, a byte string. */
  readonly path: string;
  readonly namespace: OverlayNamespace;
}
