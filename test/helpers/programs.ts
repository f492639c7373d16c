/** Running other programs from tests: nothing is left behind, and nothing is waited for without an end. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

export const isRoot: boolean = process.getuid?.() === 0;

const searchPath: readonly string[] = [
  ...(process.env['PATH'] ?? '').split(':'),
  '/usr/local/sbin',
  '/usr/sbin',
  '/sbin',
].filter((folder) => folder !== '');

/** Where a program is (the usual `sbin` folders included), or undefined. */
export function findProgram(name: string): string | undefined {
  return searchPath.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What of `needs` is absent: programs, or `root`. */
export function missingOf(needs: readonly string[]): readonly string[] {
  return needs.filter((need) => (need === 'root' ? !isRoot : findProgram(need) === undefined));
}

export interface RunOptions {
  readonly cwd?: string | undefined;
  /** Added to this process's environment; undefined removes a name. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly input?: string | Uint8Array | undefined;
  /** Milliseconds until the whole process group is killed; 2 minutes unless told. */
  readonly timeout?: number | undefined;
}

export interface Ended {
  /** Exit code; 128 + n when signal n ended it, -1 when it could not be started. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both streams in the order of arrival. */
  readonly output: string;
  readonly timedOut: boolean;
}

/** A started program; `ended` never rejects. */
export interface Running {
  readonly pid: number | undefined;
  readonly ended: Promise<Ended>;
  /** Resolves when `pattern` matches what was printed so far; rejects when the program ends before. */
  printed(pattern: RegExp): Promise<void>;
  /** Sends a signal to the program alone. */
  signal(name: NodeJS.Signals): void;
  /** Ends the program and everything in its process group, and waits. */
  stop(): Promise<Ended>;
}

const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** Starts a program in a process group of its own. */
export function startProgram(argv: readonly string[], options: RunOptions = {}): Running {
  const [file, ...args] = argv;
  if (file === undefined) throw new Error('no program named');
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined); // a program need not read its input
  child.stdin.end(options.input ?? '');
  return new StartedProgram(child, options.timeout ?? 120_000);
}

/** Runs a program to its end. */
export async function runProgram(argv: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return startProgram(argv, options).ended;
}

/** Runs a program that must succeed and returns what it wrote to standard output. */
export async function outputOf(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const ended = await runProgram(argv, options);
  if (ended.code !== 0) throw new Error(`${argv.join(' ')} ended with ${ended.code}:\n${ended.output}`);
  return ended.stdout;
}

class StartedProgram implements Running {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];
  readonly #both: Buffer[] = [];
  #timedOut = false;

  constructor(child: ChildProcess, timeout: number) {
    this.#child = child;
    for (const [stream, chunks] of [
      [child.stdout, this.#stdout],
      [child.stderr, this.#stderr],
    ] as const) {
      stream?.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        this.#both.push(chunk);
      });
    }
    const timer = setTimeout(() => {
      this.#timedOut = true;
      this.#kill();
    }, timeout);
    this.ended = this.#result().finally(() => clearTimeout(timer));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async stop(): Promise<Ended> {
    this.signal('SIGTERM');
    const grace = setTimeout(() => this.#kill(), 10_000);
    const ended = await this.ended;
    clearTimeout(grace);
    this.#kill();
    return ended;
  }

  printed(pattern: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (pattern.test(text(this.#both))) resolve();
      };
      this.#child.stdout?.on('data', look);
      this.#child.stderr?.on('data', look);
      look();
      void this.ended.then(({ output }) => {
        look();
        reject(new Error(`the program ended before it printed ${String(pattern)}:\n${output}`));
      });
    });
  }

  /** The group outlives its leader when the program left children behind. */
  #kill(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // nobody is left
    }
  }

  #result(): Promise<Ended> {
    return new Promise((resolve) => {
      const end = (code: number, extra = ''): void =>
        resolve({
          code,
          stdout: text(this.#stdout),
          stderr: text(this.#stderr) + extra,
          output: text(this.#both) + extra,
          timedOut: this.#timedOut,
        });
      this.#child.once('error', (error) => end(-1, String(error)));
      this.#child.once('close', (code, signal) => end(code ?? 128 + (signalNumbers[signal ?? ''] ?? 0)));
    });
  }
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8');
}
