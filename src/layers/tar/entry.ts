import { TsbuildError } from '../../util/errors.js';

export const blockSize = 512;

/** Most bytes of a PAX header, a GNU long name or a sparse map, as in Go's archive/tar and libarchive. */
export const maxSpecialSize = 1 << 20;

/** `other` is a type that no file system has (tape volumes, multi-volume parts, vendors' letters). */
export type EntryType = 'file' | 'hardlink' | 'symlink' | 'char' | 'block' | 'directory' | 'fifo' | 'other';

/** One member of an archive as its headers describe it. Names are byte strings exactly as they stand there. */
export interface TarEntry {
  readonly name: string;
  /** Target of a link; '' for everything else that has none. */
  readonly linkname: string;
  readonly type: EntryType;
  /** The header's type letter. */
  readonly flag: string;
  /** 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content, holes included; 0 for what has no content, whatever the header says. */
  readonly size: number;
  /** Nanoseconds since 1970; may be negative. */
  readonly mtime: bigint;
  readonly devmajor: number;
  readonly devminor: number;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

const types: Readonly<Record<string, EntryType>> = {
  '0': 'file',
  '\0': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};

export function entryType(flag: string): EntryType {
  return types[flag] ?? 'other';
}

/** Links, devices, directories and fifos have no content: a size in their header is ignored, as Go does. */
export function isHeaderOnly(flag: string): boolean {
  return flag >= '1' && flag <= '6';
}

/** An archive that cannot be understood. `where` is a byte offset in the uncompressed tar. */
export function archiveError(reason: string, where?: number): TsbuildError {
  const place = where === undefined ? '' : ` at byte ${where}`;
  return new TsbuildError('archive', `invalid tar archive${place}: ${reason}`);
}
