import type { Changeset, ChangesetDirectory, ChangesetEntry } from './types.js';
import { unwind, type Recursion } from './unwind.js';

export interface EntryChanges {
  readonly leaf: (
    entry: Exclude<ChangesetEntry, ChangesetDirectory>,
  ) => Exclude<ChangesetEntry, ChangesetDirectory>;
  /** Given a directory whose entries are done. */
  readonly directory?: (directory: ChangesetDirectory) => ChangesetDirectory;
}

/** The changeset with every entry, and the root, replaced by what `changes` makes of it. Equal parts are shared. */
export function mapEntries(changeset: Changeset, changes: EntryChanges): Changeset {
  return unwind(mapped(changeset, changes));
}

function* mapped(directory: ChangesetDirectory, changes: EntryChanges): Recursion<ChangesetDirectory> {
  let entries: Map<string, ChangesetEntry> | undefined;
  for (const [name, entry] of directory.entries) {
    const next = entry.kind === 'directory' ? yield mapped(entry, changes) : changes.leaf(entry);
    if (next === entry) continue;
    entries ??= new Map(directory.entries);
    entries.set(name, next);
  }
  const result = entries === undefined ? directory : { ...directory, entries };
  return changes.directory?.(result) ?? result;
}
