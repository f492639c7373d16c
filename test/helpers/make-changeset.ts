import type {
  Changeset,
  ChangesetDirectory,
  ChangesetEntry,
  HardLink,
  Whiteout,
} from '../../src/layers/types.js';

/** A changeset directory with these entries: without metadata and not opaque unless said otherwise. */
export function change(
  entries: Readonly<Record<string, ChangesetEntry>> = {},
  more: Partial<ChangesetDirectory> = {},
): Changeset {
  return {
    kind: 'directory',
    meta: undefined,
    opaque: false,
    entries: new Map(Object.entries(entries)),
    ...more,
  };
}

export const whiteout: Whiteout = { kind: 'whiteout' };

export function hardlink(target: string): HardLink {
  return { kind: 'hardlink', target };
}
