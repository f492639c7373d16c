import { PathError } from './path-error.js';
import { play, PlayerError } from './player.js';
import type { Operation } from './program.js';

export interface NodeToMake {
  /** Absolute byte string; must not exist. */
  readonly path: string;
  readonly type: 'char' | 'block' | 'fifo';
  /** Permission bits, 0 to 0o7777, set whatever the umask is. */
  readonly mode: number;
  readonly major: number;
  readonly minor: number;
}

const types = { char: 0o020000, block: 0o060000, fifo: 0o010000 } as const;
const AT_FDCWD = -100;
const batchSize = 8192;

/** Makes devices (0:0 character devices are overlay whiteouts) and fifos. Throws PathError at the first failure. */
export async function makeNodes(nodes: readonly NodeToMake[]): Promise<void> {
  for (let start = 0; start < nodes.length; start += batchSize) {
    const batch = nodes.slice(start, start + batchSize);
    const operations = batch.map(({ path, type, mode, major, minor }): Operation => {
      return { call: 'mknodat', args: [AT_FDCWD, path, types[type] | mode, deviceNumber(major, minor)] };
    });
    await playNodes(batch, operations);
  }
}

/** How the kernel takes a device number from user space (linux/kdev_t.h, new_decode_dev). */
export function deviceNumber(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}

async function playNodes(nodes: readonly NodeToMake[], operations: readonly Operation[]): Promise<void> {
  const umask: Operation = { call: 'umask', args: [0] };
  try {
    await play({ operations: [umask, ...operations, { call: 'exit_group', args: [0] }] });
  } catch (error) {
    if (!(error instanceof PlayerError)) throw error;
    throw new PathError('mknod', nodes[error.index - 1]?.path ?? '', error.errno);
  }
}
