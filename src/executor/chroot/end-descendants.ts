import { readdirSync, readFileSync } from 'node:fs';
import type { Player } from '../../sys/player.js';
import { errnoCode } from '../../util/errors.js';

/**
 * Kills every process below the player, which adopts those whose parents are gone, and then the player. What is forked
 * meanwhile is met in a later round.
 */
export function endDescendants(player: Player): Promise<void> {
  let found = living(player.pid);
  for (let round = 0; found.length > 0 && round < mostRounds; round += 1) {
    found.forEach(kill);
    found = living(player.pid);
  }
  player.kill();
  return Promise.resolve();
}

/** A process that the kernel does not let end must not stop the builder. */
const mostRounds = 10_000;

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly isZombie: boolean;
}

/** Descendants of a process that have not ended. */
function living(top: number): number[] {
  const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (processOf(name) ?? []) : []));
  const below = new Set([top]);
  for (let size = 0; size !== below.size;) {
    size = below.size;
    for (const { pid, parent } of all) if (below.has(parent)) below.add(pid);
  }
  return all.filter(({ pid, isZombie }) => pid !== top && below.has(pid) && !isZombie).map(({ pid }) => pid);
}

/** proc(5), fields 3 and 4 of stat; the command's name before them may hold anything. */
function processOf(pid: string): Process | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { pid: Number(pid), parent: Number(parent), isZombie: state === 'Z' || state === 'X' };
  } catch (error) {
    if (errnoCode(error) === 'ENOENT' || errnoCode(error) === 'ESRCH') return undefined;
    throw error;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errnoCode(error) !== 'ESRCH') throw error;
  }
}
