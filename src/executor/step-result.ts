import type { LayerDirectory } from '../layers/types.js';
import { errnoName } from '../sys/player.js';
import { fromByteString, toByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';
import { findSource } from './sandbox/step-mounts.js';
import type { Attempt } from './open-sandbox.js';
import type { Outcome } from './run-sandbox.js';
import type { ExecResult, ExecSpec } from './types.js';

/** Throws `run` for a command that no kernel could be given. */
export function checkCommand({ process: { argv, env, cwd } }: ExecSpec): void {
  if ([...argv, ...env, cwd].some((text) => text.includes('\0'))) {
    throw new TsbuildError('run', 'a NUL character in the command, its environment or its working directory');
  }
}

/** Nothing is added to the environment but HOME, as runc does it. */
export function withHome(spec: ExecSpec): ExecSpec {
  const { env, user } = spec.process;
  if (env.some((entry) => entry.startsWith('HOME='))) return spec;
  return { ...spec, process: { ...spec.process, env: [...env, `HOME=${user.home}`] } };
}

/** Throws `cancelled`. */
export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new TsbuildError('cancelled', 'the step was cancelled', { cause: signal.reason });
}

/** What became of a step whose changes are in `upper`. Throws `run` and `sandbox` when it could not be started. */
export function resultOf(
  outcome: Outcome,
  {
    spec,
    upper,
    outOfMemory,
  }: { readonly spec: ExecSpec; readonly upper: LayerDirectory; readonly outOfMemory: boolean },
): ExecResult {
  switch (outcome.kind) {
    case 'exited': {
      const { exitCode, signal, timedOut } = outcome;
      if (exitCode === 0 && !timedOut) return { ok: true, upper };
      const limit = timedOut ? 'time' : outOfMemory ? 'memory' : undefined;
      return {
        ok: false,
        exitCode,
        ...(signal !== undefined && { signal }),
        ...(limit !== undefined && { limit }),
        upper,
      };
    }
    case 'not-started': {
      const { exitCode, message } = explainAttempts(spec.process.argv[0] ?? '', outcome.attempts);
      spec.onOutput('stderr', Buffer.from(toByteString(`${message}\n`), 'latin1'));
      return { ok: false, exitCode, ...(isUnusable(outcome.attempts) && { notExecutable: true }), upper };
    }
    case 'outside':
      throw new TsbuildError('run', `working directory ${quoted(spec.process.cwd)} lies outside the root`);
    case 'refused':
      throw refusal(outcome.error, spec);
  }
}

const [ENOENT, ENOEXEC, ENOTDIR] = [2, 8, 20];

function isUnusable(attempts: readonly Attempt[]): boolean {
  return attempts.some(({ executable, errno }) => executable && (errno === ENOEXEC || errno === ENOENT));
}

/** Exit code and message as a shell has them: 127 for what is not there, 126 for what cannot be executed. */
function explainAttempts(
  command: string,
  attempts: readonly Attempt[],
): { exitCode: number; message: string } {
  const present = attempts.find(({ executable }) => executable);
  const refused = attempts.find(({ errno }) => errno !== ENOENT && errno !== ENOTDIR);
  if (refused !== undefined)
    return { exitCode: 126, message: `${quoted(command)}: ${describe(refused.errno)}` };
  if (present === undefined) return { exitCode: 127, message: `${quoted(command)}: not found in the image` };
  const hint = 'its interpreter or dynamic loader is not in the image';
  return { exitCode: 127, message: `${quoted(command)}: cannot be executed, ${hint}` };
}

const descriptions: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  ENOEXEC: 'not an executable for this machine',
  E2BIG: 'arguments and environment are too long',
};

function describe(errno: number): string {
  const name = errnoName(errno);
  return descriptions[name] ?? name;
}

function refusal(
  error: Error & { readonly code: string; readonly operation: { readonly label?: string } | undefined },
  spec: ExecSpec,
): TsbuildError {
  if (error.operation?.label === 'enter the working directory') {
    const problem = error.code === 'ENOENT' ? 'does not exist' : `cannot be entered (${error.code})`;
    return new TsbuildError('run', `working directory ${quoted(spec.process.cwd)} ${problem}`, {
      cause: error,
    });
  }
  const { label = '' } = error.operation ?? {};
  if (label.startsWith(findSource)) {
    const target = JSON.stringify(fromByteString(label.slice(findSource.length + 1)));
    return new TsbuildError(
      'run',
      `the source of the mount ${target} is no folder of its cache (${error.code})`,
      {
        hint: 'links are not followed there; an earlier step with the same cache must have made the folder',
        cause: error,
      },
    );
  }
  return new TsbuildError('sandbox', `the kernel refused a part of the sandbox: ${error.message}`, {
    hint: 'Linux 5.12 or later is needed, and an outer container must allow mounts and namespaces',
    cause: error,
  });
}

function quoted(text: string): string {
  return JSON.stringify(fromByteString(text));
}
