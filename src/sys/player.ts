/** Plays programs: spawns the player of player-elf.ts with explicit descriptors and no environment. */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { TsbuildError } from '../util/errors.js';
import { hostArch, playerPath } from './player-file.js';
import { encodeProgram, type Operation, type Program } from './program.js';

/** First descriptor of `fds` inside the player: 0 to 2 are stdio, 3 brings the program, 4 takes reports. */
export const firstInheritedFd = 5;

/** Two signed words that the player or its program wrote to fd 4 (see player-elf.ts). */
export interface Report {
  readonly tag: bigint;
  readonly value: bigint;
}

export interface Player {
  readonly pid: number;
  /** Writes to fd 3: the rest of the programs, or bytes that a program reads. */
  send(bytes: Uint8Array): void;
  kill(): void;
  /** Whether it has ended: sooner than `done`, which also waits for whoever shares its descriptors. */
  hasExited(): boolean;
  /** Settles when the process has ended and its stdout, if collected, was read to the end. */
  readonly done: Promise<PlayerEnd>;
}

export interface PlayerEnd {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** What it wrote to fd 1, when that was collected. */
  readonly output: Buffer;
}

export interface PlayerOptions {
  /** What fds 0 to 2 are: /dev/null unless fd 1 is collected, or all are those of this process. */
  readonly standard?: 'null' | 'collect' | 'inherit';
  /** Open descriptors of this process that the player gets as 5, 6 and so on; `ignore` is /dev/null. */
  readonly fds?: readonly (number | 'ignore')[];
  readonly onReport: (report: Report) => void;
}

/** Starts a player on encoded programs. Must be called on the main thread: a program may ask to die with its parent thread. */
export async function startPlayer(programs: Uint8Array, options: PlayerOptions): Promise<Player> {
  const stdio: StdioOptions = [
    ...standardStreams[options.standard ?? 'null'],
    'pipe',
    'pipe',
    ...(options.fds ?? []),
  ];
  const child = await spawned(playerPath(), stdio);
  const input = child.stdio[3] as Writable;
  input.on('error', () => undefined); // EPIPE: the player has ended, and its report says why
  readReports(child.stdio[4] as Readable, options.onReport);
  const done = endOf(child);
  input.write(programs);
  return {
    pid: child.pid ?? 0,
    send: (bytes) => input.write(bytes),
    kill: () => child.kill('SIGKILL'),
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
    done,
  };
}

const standardStreams = {
  null: ['ignore', 'ignore', 'ignore'],
  collect: ['ignore', 'pipe', 'ignore'],
  inherit: ['inherit', 'inherit', 'inherit'],
} as const;

/** Resolves when the file was executed: nothing can have come from the player before it gets a program. */
async function spawned(path: string, stdio: StdioOptions): Promise<ChildProcess> {
  try {
    const child = spawn(path, [], { argv0: 'tsbuild-init', env: {}, stdio, cwd: '/' });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    return child;
  } catch (cause) {
    throw new TsbuildError('sandbox', 'the sandbox helper could not be started', { cause });
  }
}

/** A call that the kernel refused. */
export class PlayerError extends Error {
  override readonly name = 'PlayerError';
  /** `EPERM`…; `EOF` for 0. */
  readonly code: string;

  constructor(
    readonly operation: Operation | undefined,
    /** Place of the operation in its program. */
    readonly index: number,
    /** Positive; 0 when a result was 0 that must not be. */
    readonly errno: number,
  ) {
    super(`${operation?.label ?? operation?.call ?? 'program'}: ${errnoName(errno)}`);
    this.code = errnoName(errno);
  }
}

/** Name of a positive errno. */
export function errnoName(errno: number): string {
  if (errno === 0) return 'EOF';
  return Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}

/**
 * Plays one program to its end and returns what it wrote to fd 1. A program must end with exit_group or execve.
 * Throws PlayerError when a call failed, `sandbox` when the player could not be started, and the signal's reason
 * after an abort, which kills the player.
 */
export async function play(
  program: Program,
  options: { readonly fds?: readonly number[]; readonly signal?: AbortSignal } = {},
): Promise<Buffer> {
  options.signal?.throwIfAborted();
  let failure: Report | undefined;
  const player = await startPlayer(encodeProgram(program, hostArch()), {
    standard: 'collect',
    fds: options.fds ?? [],
    onReport: (report) => {
      if (report.tag >= 0n) failure ??= report;
    },
  });
  const abort = (): void => player.kill();
  options.signal?.addEventListener('abort', abort);
  if (options.signal?.aborted) abort();
  const end = await player.done.finally(() => options.signal?.removeEventListener('abort', abort));
  options.signal?.throwIfAborted();
  if (failure !== undefined) throw playerError(program, failure);
  if (end.exitCode !== 0)
    throw new TsbuildError('sandbox', `the sandbox helper ended with ${end.signal ?? end.exitCode}`);
  return end.output;
}

/** The error that the report of a failed call of `program` stands for. */
export function playerError(program: Program, report: Report): PlayerError {
  const index = Number(report.tag);
  return new PlayerError(program.operations[index], index, Number(report.value));
}

const reportSize = 16;

function readReports(stream: Readable, onReport: (report: Report) => void): void {
  let pending = Buffer.alloc(0);
  stream.on('error', () => undefined);
  stream.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= reportSize) {
      onReport({ tag: pending.readBigInt64LE(0), value: pending.readBigInt64LE(8) });
      pending = pending.subarray(reportSize);
    }
  });
}

function endOf(child: ChildProcess): Promise<PlayerEnd> {
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      resolve({ exitCode: code ?? undefined, signal: signal ?? undefined, output: Buffer.concat(chunks) });
    });
  });
}
