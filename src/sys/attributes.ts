import { PathError } from './path-error.js';
import { play, PlayerError } from './player.js';
import { addressOf, jump, type Operation } from './program.js';

/** What is to be set on one path; what is undefined stays as it is. */
export interface AttributeChange {
  /** Absolute byte string. A symbolic link is changed itself. */
  readonly path: string;
  /** Nanoseconds since 1970; may be negative. The access time is set to the same. */
  readonly mtime?: bigint | undefined;
  readonly xattrs?: ReadonlyMap<string, Uint8Array> | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Permission bits, 0 to 0o7777; ignored for a symbolic link, which has none. */
  readonly mode?: number | undefined;
}

const flags = { AT_FDCWD: -100, AT_SYMLINK_NOFOLLOW: 0x100, unchanged: -1 } as const;
/** Bytes of program per spawn, far below the player's memory. */
const batchBytes = 8 << 20;

/**
 * Sets owner, extended attributes, mode and time of each path, in that order (chown clears setuid bits and file
 * capabilities), path after path: give directories after what is in them. Throws PathError at the first failure.
 */
export async function applyAttributes(changes: readonly AttributeChange[]): Promise<void> {
  let batch: Step[] = [];
  let size = 0;
  for (const change of changes) {
    const steps = stepsOf(change);
    const bytes = steps.reduce((sum, step) => sum + step.size, 0);
    if (size + bytes > batchBytes && batch.length > 0) {
      await playSteps(batch);
      batch = [];
      size = 0;
    }
    batch.push(...steps);
    size += bytes;
  }
  if (batch.length > 0) await playSteps(batch);
}

interface Step {
  readonly operation: Operation;
  readonly path: string;
  /** Bytes that the operation takes in the program. */
  readonly size: number;
}

function stepsOf(change: AttributeChange): Step[] {
  return attributeOperations(change, 'unknown').map((operation) => ({
    operation,
    path: change.path,
    size: 64 + operation.args.reduce<number>((sum, arg) => sum + sizeOf(arg), 0),
  }));
}

/** The calls that make a change; pure. */
export function attributeOperations(change: AttributeChange, kind: 'directory' | 'unknown'): Operation[] {
  const { path, mtime, xattrs, uid, gid, mode } = change;
  const operations: Operation[] = [];
  if (uid !== undefined || gid !== undefined) {
    const owner = [uid ?? flags.unchanged, gid ?? flags.unchanged];
    operations.push({ call: 'fchownat', args: [flags.AT_FDCWD, path, ...owner, flags.AT_SYMLINK_NOFOLLOW] });
  }
  for (const [name, value] of xattrs ?? []) {
    operations.push({ call: 'lsetxattr', args: [path, name, value, value.length, 0] });
  }
  if (mode !== undefined) operations.push(...changeMode(path, mode, kind));
  if (mtime !== undefined) {
    const times = timesOf(mtime);
    operations.push({ call: 'utimensat', args: [flags.AT_FDCWD, path, times, flags.AT_SYMLINK_NOFOLLOW] });
  }
  return operations;
}

/** fchmodat follows links: a path that readlink can read is passed over. */
function changeMode(path: string, mode: number, kind: 'directory' | 'unknown'): Operation[] {
  const change: Operation = { call: 'fchmodat', args: [flags.AT_FDCWD, path, mode] };
  if (kind === 'directory') return [change];
  const byte = addressOf('byte');
  return [
    {
      call: 'readlinkat',
      args: [flags.AT_FDCWD, path, byte, 1],
      tolerate: EINVAL,
      skip: 1,
      result: { slot: 'byte' },
    },
    jump(1),
    change,
  ];
}

const EINVAL = 22;

/** Two equal struct timespec; the nanoseconds count up from the second before, also for times before 1970. */
function timesOf(time: bigint): Uint8Array {
  const second = 1_000_000_000n;
  const nanoseconds = ((time % second) + second) % second;
  const words = new BigInt64Array([(time - nanoseconds) / second, nanoseconds]);
  return new Uint8Array(new BigInt64Array([...words, ...words]).buffer);
}

async function playSteps(steps: readonly Step[]): Promise<void> {
  const operations = steps.map(({ operation }) => operation);
  try {
    await play({ operations: [...operations, { call: 'exit_group', args: [0] }] });
  } catch (error) {
    if (!(error instanceof PlayerError) || error.operation === undefined) throw error;
    throw new PathError(error.operation.call, steps[error.index]?.path ?? '', error.errno);
  }
}

function sizeOf(argument: Operation['args'][number]): number {
  if (typeof argument === 'string') return argument.length + 8;
  return argument instanceof Uint8Array ? argument.length + 8 : 0;
}
