/** Finds and signals the processes of a step by their player. */
import { readFile } from 'node:fs/promises';
import type { Player } from '../sys/player.js';
import { errnoCode } from '../util/errors.js';

/**
 * Kills the first process of the PID namespace, whose death the kernel completes only when all others are dead; its
 * parent waits for it. Before it exists, or where the kernel does not tell it, the parent is killed, and it by that.
 */
export async function endNamespace(player: Player): Promise<void> {
  const [pid] = await childrenOf(player.pid);
  if (pid === undefined) player.kill();
  else sendSignal(pid, 'SIGKILL');
}

async function childrenOf(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'latin1').catch(() => '');
  return children
    .split(' ')
    .map(Number)
    .filter((child) => child > 0);
}

/** Sends a signal to the step's own process; false when there is none. */
export async function signalStep(player: Player, name: NodeJS.Signals): Promise<boolean> {
  const [init] = await childrenOf(player.pid);
  const [step] = init === undefined ? [] : await childrenOf(init);
  if (step !== undefined) sendSignal(step, name);
  return step !== undefined;
}

function sendSignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (errnoCode(error) !== 'ESRCH') throw error; // it has ended meanwhile
  }
}
