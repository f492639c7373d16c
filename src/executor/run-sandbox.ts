/** Runs a step in an open sandbox and says how it ended. */
import { constants } from 'node:os';
import type { Player, PlayerError } from '../sys/player.js';
import { OpenSandbox, type Attempt, type Ended, type Opening, type SandboxRun } from './open-sandbox.js';
import { insideLabel } from './sandbox/step.js';
import { openingProgram, stepProgram } from './sandbox/program.js';
import type { OpeningPlan, SandboxPlan } from './sandbox/plan.js';
import { endNamespace, signalStep } from './step-processes.js';
import type { ExecSpec } from './types.js';

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

/** Opens a sandbox of namespaces, be it for a step that is not known yet. */
export function openNamespaces(plan: OpeningPlan): Promise<OpenSandbox> {
  return OpenSandbox.start({
    arch: plan.host.arch,
    program: openingProgram(plan),
    input: plan.spec.input,
    endAll: endNamespace,
  });
}

/** Runs a plan in a sandbox that was opened for the like. */
export function runPlan(sandbox: OpenSandbox, plan: SandboxPlan, signal: AbortSignal): Promise<Outcome> {
  return runIn(sandbox, { spec: plan.spec, program: stepProgram(plan), leavesOthers: false }, signal);
}

/** Runs a plan in namespaces that are made now. */
export async function runSandbox(plan: SandboxPlan, signal: AbortSignal): Promise<Outcome> {
  signal.throwIfAborted();
  return runPlan(await openNamespaces(plan), plan, signal);
}

/** Opens a sandbox and runs a step in it. */
export async function runStep(
  { opening, ...run }: SandboxRun & { readonly opening: Opening },
  signal: AbortSignal,
): Promise<Outcome> {
  signal.throwIfAborted();
  return runIn(await OpenSandbox.start(opening), run, signal);
}

/** After an abort all processes of the step are dead when the promise is rejected with the signal's reason. */
async function runIn(sandbox: OpenSandbox, run: SandboxRun, signal: AbortSignal): Promise<Outcome> {
  const abort = (): void => void sandbox.endAll();
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  const timer = new StepTimer(run.spec, sandbox);
  try {
    const ended = await sandbox.run(run);
    signal.throwIfAborted();
    return outcomeOf(ended, timer.fired);
  } finally {
    timer.clear();
    signal.removeEventListener('abort', abort);
  }
}

function outcomeOf({ failure, attempts, status }: Ended, timedOut: boolean): Outcome {
  if (failure?.operation?.label === insideLabel && failure.code === 'EBADF') return { kind: 'outside' };
  if (failure !== undefined) return { kind: 'refused', error: failure };
  if (attempts.length > 0) return { kind: 'not-started', attempts };
  const number = status & 0x7f;
  if (number === 0) return { kind: 'exited', exitCode: (status >> 8) & 0xff, signal: undefined, timedOut };
  return { kind: 'exited', exitCode: 128 + number, signal: signalName(number), timedOut };
}

/** Milliseconds between the request to end and the end. */
const grace = 10_000;

/** Ends a step that has run too long: SIGTERM for its own process, and after a while SIGKILL for all. */
class StepTimer {
  fired = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    { limits }: ExecSpec,
    readonly sandbox: { readonly player: Player; endAll(): Promise<void> },
  ) {
    const timeout = limits?.timeout;
    if (timeout !== undefined) this.#timer = setTimeout(() => void this.#fire(), timeout);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  async #fire(): Promise<void> {
    this.fired = true;
    this.#timer = setTimeout(() => void this.sandbox.endAll(), grace);
    if (!(await signalStep(this.sandbox.player, 'SIGTERM'))) await this.sandbox.endAll();
  }
}

function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;
}
