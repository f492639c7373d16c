/** /etc/subuid and /etc/subgid (subuid(5)): which ids a user may map into its namespaces. */
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import type { IdRange } from '../sys/privileges.js';

/** Ranges of the lines that name the user, by name or by number. Pure. */
export function rangesFor(text: string, uid: number, name: string | undefined): IdRange[] {
  return text.split('\n').flatMap((line): IdRange[] => {
    const [owner, first, count] = line.trim().split(':');
    if (owner !== `${uid}` && (name === undefined || owner !== name)) return [];
    return /^\d+$/.test(first ?? '') && /^[1-9]\d*$/.test(count ?? '')
      ? [[Number(first), Number(count)]]
      : [];
  });
}

export interface SubordinateIds {
  readonly users: readonly IdRange[];
  readonly groups: readonly IdRange[];
}

/** Those of this process's user; empty where the files are absent. */
export async function readSubordinateIds(uid: number): Promise<SubordinateIds> {
  const [users, groups] = await Promise.all(
    ['/etc/subuid', '/etc/subgid'].map((path) => readFile(path, 'latin1').catch(() => '')),
  );
  const name = userName();
  return { users: rangesFor(users ?? '', uid, name), groups: rangesFor(groups ?? '', uid, name) };
}

/** Undefined for a user without an entry in passwd. */
function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

/**
 * Arguments of newuidmap and newgidmap after the process: `own` becomes 0, the ranges follow from 1 on. Pure.
 */
export function helperArguments(own: number, ranges: readonly IdRange[]): string[] {
  let next = 1;
  const rest = ranges.flatMap(([first, count]) => {
    const inside = next;
    next += count;
    return [`${inside}`, `${first}`, `${count}`];
  });
  return ['0', `${own}`, '1', ...rest];
}
