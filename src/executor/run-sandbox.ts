/** Plays a sandbox program and watches it to its end. */
import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { encodeProgram, type Program } from '../sys/program.js';
import { playerError, startPlayer, type Player, type PlayerError, type Report } from '../sys/player.js';
import { errnoCode } from '../util/errors.js';
import { parentEndedTag } from './sandbox/chroot-program.js';
import { inputPipe, inputTag, outputPipes, sealedPlayer, startedTag } from './sandbox/namespaces.js';
import { PipeReader } from './output.js';
import { PipeWriter } from './pipe-writer.js';
import type { SandboxPlan } from './sandbox/plan.js';
import { sandboxProgram } from './sandbox/program.js';
import { accessTag, executeTag, readyTag, terminalTag } from './sandbox/step.js';
import { TerminalRelay } from './terminal-relay.js';

/** How a step ended. */
export type Outcome =
  | {
      readonly kind: 'exited';
      readonly exitCode: number;
      readonly signal: string | undefined;
      /** It had run as long as it may, and was told to end. */
      readonly timedOut: boolean;
    }
  /** No place of the command could be executed: an errno for each, and whether the file is there. */
  | { readonly kind: 'not-started'; readonly attempts: readonly Attempt[] }
  /** The kernel refused a part of the sandbox. */
  | { readonly kind: 'refused'; readonly error: PlayerError }
  /** The step's working directory lies outside its root. */
  | { readonly kind: 'outside' };

export interface Attempt {
  /** Errno of execve. */
  readonly errno: number;
  /** Whether the file is there and may be executed. */
  readonly executable: boolean;
}

/** A program that runs a step, and what it was made from. */
export interface SandboxRun extends Pick<SandboxPlan, 'spec' | 'host'> {
  readonly program: Program;
  /** Ends all processes of the step and the player. */
  readonly endAll: (player: Player) => Promise<void>;
  /** Whether processes may outlive the step's own: then they are ended when that has ended. */
  readonly leavesOthers: boolean;
}

/** Runs a plan in namespaces. */
export function runSandbox(plan: SandboxPlan, signal: AbortSignal): Promise<Outcome> {
  return runStep(
    { ...plan, program: sandboxProgram(plan), endAll: endNamespace, leavesOthers: false },
    signal,
  );
}

/** Runs a step. After an abort all its processes are dead when the promise is rejected with the signal's reason. */
export async function runStep(plan: SandboxRun, signal: AbortSignal): Promise<Outcome> {
  const programs = [sealedPlayer(plan.host.arch), plan.program];
  const bytes = Buffer.concat(programs.map((program) => encodeProgram(program, plan.host.arch)));
  signal.throwIfAborted();
  const watch = new Watch(plan, programs);
  const player = await startPlayer(bytes, { onReport: (report) => watch.onReport(report) });
  watch.player = player;
  const abort = (): void => void plan.endAll(player);
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  const timer = new StepTimer(plan, player);
  try {
    const end = await player.done;
    watch.finish();
    signal.throwIfAborted();
    return watch.outcome(end.exitCode ?? 128 + signalNumber(end.signal), timer.fired);
  } finally {
    timer.clear();
    signal.removeEventListener('abort', abort);
  }
}

/** Collects what is reported of one step. */
class Watch {
  player: Player | undefined;
  #playing = 0;
  #failure: PlayerError | undefined;
  #status: number | undefined;
  #outside = false;
  #error: unknown;
  #readers: PipeReader[] = [];
  #input: { close(): void } | undefined;
  #attempts: Attempt[] = [];
  #executable = new Map<bigint, boolean>();

  constructor(
    readonly plan: SandboxRun,
    readonly programs: readonly Program[],
  ) {}

  onReport(report: Report): void {
    const { tag, value } = report;
    if (tag >= 0n) this.#failure ??= playerError(this.programs[this.#playing] ?? { operations: [] }, report);
    else if (tag === -1n) this.#onStatus(Number(BigInt.asIntN(32, value)));
    else if (tag === startedTag) this.#playing = 1;
    else if (tag === parentEndedTag) this.#onStatus(constants.signals.SIGKILL);
    else if (tag === readyTag) this.#start(value);
    else if (tag === inputTag) this.#prepare((player) => this.#writeInput(player));
    else if (tag === terminalTag) this.#prepare((player) => this.#openTerminal(player));
    else if (tag <= accessTag) this.#executable.set(tag - accessTag, value === 0n);
    else if (tag <= executeTag) this.#attempts.push(this.#attempt(tag - executeTag, value));
  }

  /** The first report of a status comes from the step's own parent. */
  outcome(exitCode: number, timedOut: boolean): Outcome {
    if (this.#error !== undefined) throw this.#error;
    if (this.#failure !== undefined) return { kind: 'refused', error: this.#failure };
    if (this.#outside) return { kind: 'outside' };
    if (this.#attempts.length > 0) return { kind: 'not-started', attempts: this.#attempts };
    const status = this.#status ?? exitCode << 8;
    const number = status & 0x7f;
    if (number === 0) return { kind: 'exited', exitCode: (status >> 8) & 0xff, signal: undefined, timedOut };
    return { kind: 'exited', exitCode: 128 + number, signal: signalName(number), timedOut };
  }

  finish(): void {
    for (const reader of this.#readers) reader.finish();
    this.#input?.close();
  }

  /** The player waits until something is done. */
  #prepare(work: (player: Player) => void | Promise<void>): void {
    const player = this.player;
    if (player === undefined) return;
    Promise.resolve()
      .then(() => work(player))
      .then(
        () => player.send(Uint8Array.of(1)),
        (error: unknown) => this.#fail(player, error),
      );
  }

  #fail(player: Player, error: unknown): void {
    this.#error = error;
    player.kill();
  }

  #writeInput({ pid }: Player): void {
    const { input } = this.plan.spec;
    if (input?.kind === 'pipe') this.#input = new PipeWriter(pid, inputPipe.write, input.source);
  }

  async #openTerminal({ pid }: Player): Promise<void> {
    const { input, onOutput } = this.plan.spec;
    if (input?.kind !== 'terminal') return;
    this.#input = await TerminalRelay.open(pid, input, (chunk) => onOutput('stdout', chunk));
  }

  #onStatus(status: number): void {
    const first = this.#status === undefined;
    this.#status ??= status;
    if (first && this.plan.leavesOthers && this.player) void this.plan.endAll(this.player);
  }

  #attempt(index: bigint, value: bigint): Attempt {
    return { errno: -Number(value), executable: this.#executable.get(index) ?? false };
  }

  /** The step waits: take its pipes, check where it stands, let it go. */
  #start(path: bigint): void {
    const player = this.player;
    if (player === undefined) return;
    if ((path & 0xffn) !== slash) {
      this.#outside = true;
      player.kill();
      return;
    }
    try {
      for (const stream of ['stdout', 'stderr'] as const) {
        const onChunk = (chunk: Uint8Array): void => this.plan.spec.onOutput(stream, chunk);
        this.#readers.push(new PipeReader(player.pid, outputPipes[stream].read, onChunk));
      }
      this.plan.spec.onStarted?.((name) => void signalStep(player, name));
      player.send(Uint8Array.of(1));
    } catch (error) {
      this.#fail(player, error);
    }
  }
}

/** The kernel writes `(unreachable)` before a path outside the root (getcwd(2)). */
const slash = BigInt('/'.charCodeAt(0));

/**
 * Kills the first process of the PID namespace, whose death the kernel completes only when all others are dead; its
 * parent waits for it. Before it exists, or where the kernel does not tell it, the parent is killed, and it by that.
 */
async function endNamespace(player: Player): Promise<void> {
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
async function signalStep(player: Player, name: NodeJS.Signals): Promise<boolean> {
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

/** Milliseconds between the request to end and the end. */
const grace = 10_000;

/** Ends a step that has run too long: SIGTERM for its own process, and after a while SIGKILL for all. */
class StepTimer {
  fired = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly plan: SandboxRun,
    readonly player: Player,
  ) {
    const timeout = plan.spec.limits?.timeout;
    if (timeout !== undefined) this.#timer = setTimeout(() => void this.#fire(), timeout);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  async #fire(): Promise<void> {
    this.fired = true;
    this.#timer = setTimeout(() => void this.plan.endAll(this.player), grace);
    if (!(await signalStep(this.player, 'SIGTERM'))) await this.plan.endAll(this.player);
  }
}

function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;
}

function signalNumber(name: string | undefined): number {
  return Object.entries(constants.signals).find(([other]) => other === name)?.[1] ?? 0;
}
