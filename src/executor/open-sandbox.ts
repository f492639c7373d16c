import { constants } from 'node:os';
import type { Arch } from '../sys/player-elf.js';
import { playerError, startPlayer, type Player, type PlayerError, type Report } from '../sys/player.js';
import { encodeProgram, type Program } from '../sys/program.js';
import { PipeReader } from './output.js';
import { PipeWriter } from './pipe-writer.js';
import { parentEndedTag } from './sandbox/chroot-program.js';
import {
  inputPipe,
  inputTag,
  outputPipes,
  outputTag,
  sealedPlayer,
  startedTag,
} from './sandbox/namespaces.js';
import { accessTag, executeTag, readyTag, terminalTag } from './sandbox/step.js';
import { signalStep } from './step-processes.js';
import { TerminalRelay } from './terminal-relay.js';
import type { ExecSpec, StepInput } from './types.js';

/** What a sandbox is opened with. */
export interface Opening {
  readonly arch: Arch;
  /** Makes the pipes of a step, and ends with waiting for the next program. */
  readonly program: Program;
  readonly input?: StepInput | undefined;
  /** Ends all processes of the step and the player. */
  readonly endAll: (player: Player) => Promise<void>;
}

/** What a step adds to the opening of its sandbox. */
export interface SandboxRun {
  readonly spec: ExecSpec;
  /** The rest of the program. */
  readonly program: Program;
  /** Whether processes may outlive the step's own: then they are ended when that has ended. */
  readonly leavesOthers: boolean;
}

/** What became of a step. */
export interface Ended {
  /** The call that the kernel refused. */
  readonly failure: PlayerError | undefined;
  readonly attempts: readonly Attempt[];
  /** Wait status of the command (wait(2)). */
  readonly status: number;
}

export interface Attempt {
  /** Errno of execve. */
  readonly errno: number;
  /** Whether the file is there and may be executed. */
  readonly executable: boolean;
}

/** A player that has begun the program of a sandbox and waits for the rest. It serves one step. */
export class OpenSandbox {
  readonly #opened: Promise<void>;
  #onOpened: () => void = () => undefined;
  #run: SandboxRun | undefined;
  #playing = 0;
  #failure: PlayerError | undefined;
  #status: number | undefined;
  #error: unknown;
  readonly #readers: PipeReader[] = [];
  #input: { close(): void } | undefined;
  readonly #attempts: Attempt[] = [];
  readonly #executable = new Map<bigint, boolean>();

  private constructor(
    readonly player: Player,
    readonly opening: Opening,
  ) {
    this.#opened = new Promise((resolve) => (this.#onOpened = resolve));
    void player.done.then(this.#onOpened);
  }

  /** Throws `sandbox` when the player cannot be started; what the kernel refuses is told by `run`. */
  static async start(opening: Opening): Promise<OpenSandbox> {
    const { arch, program } = opening;
    const programs = [sealedPlayer(arch), program].map((part) => encodeProgram(part, arch));
    let sandbox: OpenSandbox | undefined;
    const onReport = (report: Report): void => sandbox?.onReport(report);
    const player = await startPlayer(Buffer.concat(programs), { onReport });
    sandbox = new OpenSandbox(player, opening);
    return sandbox;
  }

  /** Runs a step, once, to the end of its sandbox. */
  async run(run: SandboxRun): Promise<Ended> {
    this.#run = run;
    const rest = encodeProgram(run.program, this.opening.arch, this.opening.program);
    await this.#opened;
    this.player.send(rest);
    const { exitCode, signal } = await this.player.done;
    this.#finish();
    if (this.#error !== undefined) throw this.#error;
    // The first report of a status comes from the step's own parent.
    const status = this.#status ?? (exitCode ?? 128 + signalNumber(signal)) << 8;
    return { failure: this.#failure, attempts: this.#attempts, status };
  }

  /** Ends all processes in it. */
  endAll(): Promise<void> {
    return this.opening.endAll(this.player);
  }

  /** Whether no step can run in it any more. */
  get hasEnded(): boolean {
    return this.player.hasExited();
  }

  /** Ends it, used or not; then no process of it is left. */
  async close(): Promise<void> {
    if (!this.hasEnded) await this.endAll();
    await this.player.done;
    this.#finish();
  }

  #finish(): void {
    for (const reader of this.#readers.splice(0)) reader.finish();
    this.#input?.close();
    this.#input = undefined;
  }

  /** To be told what the player reports. */
  private onReport(report: Report): void {
    const { tag, value } = report;
    if (tag >= 0n) this.#failure ??= this.#failed(report);
    else if (tag === -1n) this.#onStatus(Number(BigInt.asIntN(32, value)));
    else if (tag === startedTag) this.#playing += 1;
    else if (tag === outputTag) this.#openOutput();
    else if (tag === parentEndedTag) this.#onStatus(constants.signals.SIGKILL);
    else if (tag === readyTag) this.#run?.spec.onStarted?.((name) => void signalStep(this.player, name));
    else if (tag === inputTag) void this.#prepare(() => this.#writeInput()).then(this.#onOpened);
    else if (tag === terminalTag) void this.#prepare(() => this.#openTerminal());
    else if (tag <= accessTag) this.#executable.set(tag - accessTag, value === 0n);
    else if (tag <= executeTag) this.#attempts.push(this.#attempt(tag - executeTag, value));
  }

  #failed(report: Report): PlayerError {
    const { arch, program } = this.opening;
    const programs = [sealedPlayer(arch), program, this.#run?.program];
    return playerError(programs[this.#playing] ?? { operations: [] }, report);
  }

  #openOutput(): void {
    try {
      for (const stream of ['stdout', 'stderr'] as const) {
        const onChunk = (chunk: Uint8Array): void => this.#run?.spec.onOutput(stream, chunk);
        this.#readers.push(new PipeReader(this.player.pid, outputPipes[stream].read, onChunk));
      }
      // A player that waits for the word on its input would take the first byte of the next program for it.
      if (this.opening.input?.kind !== 'pipe') this.#onOpened();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The player waits until something is done. */
  async #prepare(work: () => void | Promise<void>): Promise<void> {
    try {
      await work();
      this.player.send(Uint8Array.of(1));
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#error ??= error;
    this.player.kill();
  }

  #writeInput(): void {
    const { input } = this.opening;
    if (input?.kind === 'pipe') this.#input = new PipeWriter(this.player.pid, inputPipe.write, input.source);
  }

  async #openTerminal(): Promise<void> {
    const { input, onOutput } = this.#run?.spec ?? {};
    if (input?.kind !== 'terminal') return;
    const onChunk = (chunk: Uint8Array): void => onOutput?.('stdout', chunk);
    this.#input = await TerminalRelay.open(this.player.pid, input, onChunk);
  }

  #onStatus(status: number): void {
    const first = this.#status === undefined;
    this.#status ??= status;
    if (first && this.#run?.leavesOthers) void this.endAll();
  }

  #attempt(index: bigint, value: bigint): Attempt {
    return { errno: -Number(value), executable: this.#executable.get(index) ?? false };
  }
}

function signalNumber(name: string | undefined): number {
  return Object.entries(constants.signals).find(([other]) => other === name)?.[1] ?? 0;
}
