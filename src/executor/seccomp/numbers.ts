/**
 * Reads a table of system call numbers: names in order of their numbers from 0 on, separated by blanks; `n:name`
 * continues at n.
 */
export function parseNumbers(table: string): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  let next = 0;
  for (const token of table.trim().split(/\s+/)) {
    const [, at, name = ''] = /^(?:(\d+):)?(\w+)$/.exec(token) ?? [];
    if (at !== undefined) next = Number(at);
    numbers.set(name, next++);
  }
  return numbers;
}
