/** Control groups that another user may divide, as a service manager delegates them. */
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { findHierarchies } from '../../src/executor/limit-hierarchies.js';

export interface DelegatedGroups {
  /** Groups whose `cgroup.procs` a process of the user is to be written to. */
  readonly entered: readonly string[];
  /** To be called when no process is left in them. */
  remove(): void;
}

/** Makes groups of a user in all hierarchies where root of this place can; none where it cannot. */
export function delegateGroups(userId: number): DelegatedGroups {
  const read = (path: string): string => readFileSync(path, 'latin1');
  const found = findHierarchies(read('/proc/self/mountinfo'), read('/proc/self/cgroup'));
  const made = found.flatMap(({ version, candidates }) => {
    for (const parent of candidates) {
      const group = join(parent, `delegated-${process.pid}-${userId}`);
      try {
        return [makeGroup(group, version, userId)];
      } catch {
        // read-only, or processes are in the way
      }
    }
    return [];
  });
  return {
    entered: made,
    remove: () => {
      for (const group of made) removeGroups(group.replace(/\/own$/, ''));
    },
  };
}

/** In version 2 a group with processes cannot have limited ones below it: the processes get a group of their own. */
function makeGroup(group: string, version: 1 | 2, userId: number): string {
  mkdirSync(group);
  const entered = version === 1 ? group : join(group, 'own');
  if (version === 2) {
    const controllers = readFileSync(join(group, 'cgroup.controllers'), 'latin1').trim().split(' ');
    for (const name of controllers)
      if (name !== '') writeFileSync(join(group, 'cgroup.subtree_control'), `+${name}`);
    mkdirSync(entered);
  }
  for (const folder of new Set([group, entered])) {
    chownSync(folder, userId, userId);
    for (const name of ['cgroup.procs', 'cgroup.subtree_control', 'tasks']) {
      if (existsSync(join(folder, name))) chownSync(join(folder, name), userId, userId);
    }
  }
  return entered;
}

function removeGroups(group: string): void {
  for (const entry of readdirSync(group, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroups(join(group, entry.name));
  }
  rmdirSync(group);
}
