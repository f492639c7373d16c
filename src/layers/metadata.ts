import type { Metadata } from './types.js';

/** Metadata of a directory that no layer describes: what runtimes give to a parent that a tar left out. */
export const implicitMetadata: Metadata = { mode: 0o755, uid: 0, gid: 0, mtime: 0n };

/** Everything equal, mtime included. */
export function sameMetadata(a: Metadata, b: Metadata): boolean {
  return a === b || (a.mtime === b.mtime && sameButTime(a, b));
}

/** Mode, owner and xattrs equal. */
export function sameButTime(a: Metadata, b: Metadata): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid && sameXattrs(a.xattrs, b.xattrs);
}

function sameXattrs(a: Metadata['xattrs'], b: Metadata['xattrs']): boolean {
  if (a === b) return true;
  if ((a?.size ?? 0) !== (b?.size ?? 0)) return false;
  for (const [name, value] of a ?? []) {
    const other = b?.get(name);
    if (other === undefined || Buffer.compare(value, other) !== 0) return false;
  }
  return true;
}
