/**
 * Secrets where nothing can be mounted: named pipes, so that the bytes are never on a disk. Each process that opens one
 * reads it from the beginning: as soon as it has opened it, another pipe stands in its place. Of two processes that open
 * one in the same instant, before the exchange, the second finds nothing.
 */
import { chownSync, closeSync, constants, linkSync, openSync } from 'node:fs';
import { makeNodes } from '../../sys/nodes.js';
import { firstInheritedFd, playerError, startPlayer, type Player } from '../../sys/player.js';
import { hostArch } from '../../sys/player-file.js';
import { encodeProgram, valueOf, type Operation, type Program } from '../../sys/program.js';
import { bytePath } from '../../util/bytes.js';
import { TsbuildError } from '../../util/errors.js';
import { linux } from '../linux.js';
import { dieWithParent } from '../sandbox/namespaces.js';
import { report } from '../sandbox/operations.js';
import type { StepMount } from '../types.js';

type Secret = Extract<StepMount, { kind: 'secret' }>;

export class SecretPipes {
  readonly #failure = new AbortController();
  readonly #players = new Set<Player>();
  readonly #starting = new Set<Promise<void>>();
  readonly #directories: number[] = [];
  #closed = false;

  /** `folder` is on the file system of the root, and no step sees it. */
  constructor(private readonly folder: string) {}

  /** Fires when a secret cannot be offered any longer, with a `sandbox` error: its readers would wait for good. */
  get failure(): AbortSignal {
    return this.#failure.signal;
  }

  /** Puts a pipe at a path whose folder is there, and serves it until this is closed. */
  async offer(secret: Secret, target: string): Promise<void> {
    const slash = target.lastIndexOf('/');
    const { O_RDONLY, O_DIRECTORY } = constants;
    const directory = openSync(bytePath(target.slice(0, slash)), O_RDONLY | O_DIRECTORY);
    const base = `${this.folder}/pipe-${this.#directories.push(directory)}`;
    const offered = { secret, directory, name: target.slice(slash + 1), base };
    const first = pipePath(offered, 0);
    await makeNodes([{ path: first, type: 'fifo', mode: secret.mode, major: 0, minor: 0 }]);
    chownSync(bytePath(first), secret.uid, secret.gid);
    linkSync(bytePath(first), bytePath(target));
    this.#start(offered, 0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#starting);
    const players = [...this.#players];
    for (const player of players) player.kill();
    await Promise.all(players.map((player) => player.done));
    for (const directory of this.#directories.splice(0)) closeSync(directory);
  }

  #start(offered: Offered, first: number): void {
    if (this.#closed) return;
    const started = this.#serve(offered, first).catch((error: unknown) => this.#fail(error));
    this.#starting.add(started);
    void started.then(() => this.#starting.delete(started));
  }

  /** Serves some readers; the player for those after them is started in time. */
  async #serve(offered: Offered, first: number): Promise<void> {
    const program = servingProgram(offered, first);
    let taken = 0;
    const player = await startPlayer(encodeProgram(program, hostArch()), {
      fds: [offered.directory],
      onReport: (each) => {
        if (each.tag >= 0n) this.#fail(playerError(program, each));
        else if (++taken === rounds / 2) this.#start(offered, first + rounds);
      },
    });
    this.#players.add(player);
    void player.done.then(() => this.#players.delete(player));
  }

  #fail(cause: unknown): void {
    const error = new TsbuildError('sandbox', 'a secret could not be offered to the step', { cause });
    this.#failure.abort(error);
  }
}

interface Offered {
  readonly secret: Secret;
  /** The folder that the step finds it in: held open, as the step may put a link in the folder's place. */
  readonly directory: number;
  readonly name: string;
  readonly base: string;
}

/** Where the builder finds the pipe of a round, whatever the step does to the name that it sees. */
function pipePath({ base }: Offered, round: number): string {
  return `${base}.${round}`;
}

const takenTag = -2n;
/** Readers that one player serves. */
const rounds = 64;
const label = 'offer a secret';
const [EEXIST, SIGPIPE] = [17, 13];

/** Pure. */
function servingProgram(offered: Offered, first: number): Program {
  const blocked = { words: [1 << (SIGPIPE - 1)] };
  return {
    operations: [
      dieWithParent,
      // A reader may leave before the end.
      { call: 'rt_sigprocmask', args: [linux.SIG_BLOCK, blocked, 0, 8], label },
      { call: 'umask', args: [0] },
      ...makePipe(offered, first),
      ...Array.from({ length: rounds }, (_, index) => serveReader(offered, first + index)).flat(),
      { call: 'exit_group', args: [0] },
    ],
  };
}

/** Makes the pipe of a round under two names: that of the second goes to where the step sees it. */
function makePipe(offered: Offered, round: number): Operation[] {
  const { mode, uid, gid } = offered.secret;
  const path = pipePath(offered, round);
  const AT = linux.AT_FDCWD;
  return [
    { call: 'mknodat', args: [AT, path, linux.S_IFIFO | mode, 0], tolerate: EEXIST, label },
    { call: 'fchownat', args: [AT, path, uid, gid, 0], label },
    { call: 'linkat', args: [AT, path, AT, `${path}.name`, 0], tolerate: EEXIST, label },
  ];
}

/** Makes the next pipe, waits for a reader of this one, exchanges them, and writes. */
function serveReader(offered: Offered, round: number): Operation[] {
  const { bytes } = offered.secret;
  const AT = linux.AT_FDCWD;
  const opened = valueOf('opened');
  const flags = linux.O_WRONLY | linux.O_CLOEXEC;
  const next = `${pipePath(offered, round + 1)}.name`;
  return [
    ...makePipe(offered, round + 1),
    { call: 'openat', args: [AT, pipePath(offered, round), flags], result: { slot: 'opened' }, label },
    // The step may have deleted the folder, or made something of its own there.
    { call: 'renameat2', args: [AT, next, firstInheritedFd, offered.name, 0], tolerate: 'any' },
    // So that a slow reader does not keep the next one waiting.
    { call: 'fcntl', args: [opened, linux.F_SETPIPE_SZ, bytes.length], tolerate: 'any' },
    ...(bytes.length === 0
      ? []
      : [{ call: 'write', args: [opened, bytes, bytes.length], tolerate: 'any' } as const]),
    { call: 'close', args: [opened] },
    ...report(takenTag, 'opened'),
  ];
}
