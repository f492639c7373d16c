import type { ChangesetEntry, LinkGroup, Node } from '../../src/layers/types.js';
import { linkGroups } from '../../src/layers/link-groups.js';
import { walkChangeset } from '../../src/layers/changeset.js';
import { walkTree } from '../../src/layers/walk-tree.js';
import type { Changeset, Tree } from '../../src/layers/types.js';

/**
 * A tree as lines, one for each node, in which everything counts and hard-link groups are named by their first
 * path: two trees are equal when their lines are.
 */
export function describeTree(tree: Tree): string[] {
  const groups = firstNames(linkGroups(tree));
  return [line('', tree, groups), ...Array.from(walkTree(tree), ([path, node]) => line(path, node, groups))];
}

/** As `describeTree`, for a changeset. */
export function describeChangeset(changeset: Changeset): string[] {
  const groups = firstNames(linkGroups(changeset));
  const entries = Array.from(walkChangeset(changeset), ([path, entry]) => line(path, entry, groups));
  return [line('', changeset, groups), ...entries];
}

function firstNames(groups: ReadonlyMap<LinkGroup, readonly string[]>): Map<LinkGroup, string> {
  return new Map(Array.from(groups, ([group, names]) => [group, names[0] ?? '']));
}

function line(path: string, node: Node | ChangesetEntry, groups: ReadonlyMap<LinkGroup, string>): string {
  const fields: string[] = [`/${path}`, node.kind];
  for (const [key, value] of Object.entries(node).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (key === 'entries' || key === 'kind' || key === 'links' || value === undefined || value === false)
      continue;
    fields.push(`${key}=${JSON.stringify(value, plain)}`);
  }
  if (node.kind === 'file' && node.links !== undefined) {
    const first = groups.get(node.links);
    if (first !== undefined) fields.push(`links=/${first}`);
  }
  return fields.join(' ');
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return value instanceof Map ? [...value].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)) : value;
}
