/**
 * Running the whole process again as root of a user namespace. Every file of an image may belong to another id there:
 * only a process inside reads, changes and deletes them as root does. Node itself cannot enter a namespace, as it has
 * several threads; the player can, before it executes Node.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { PlayerError } from '../sys/player.js';
import { readPrivileges, type Privileges } from '../sys/privileges.js';
import type { Operation } from '../sys/program.js';
import { toByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';
import { adviceFor } from './advice.js';
import { linux } from './linux.js';
import { namespacesFor, type NamespaceKind } from './present-mode.js';
import { probeNamespace } from './probe.js';
import type { Mode } from './types.js';
import { NamespaceError, planIds, playInNamespace } from './user-namespace.js';

/** This process's command, to be executed again. Texts, as Node has them. */
export interface Command {
  readonly argv: readonly [path: string, ...args: string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

export interface Entry {
  readonly isolation: 'auto' | Mode;
  readonly command: Command;
  /** Calls `use` with a folder (byte string) on the store's file system that holds `lower`, `upper`, `work` and `root`. */
  /** Called when the command is about to be run there. */
  readonly onEntering: () => void;
  readonly withProbeFolder: <T>(use: (folder: string) => Promise<T>) => Promise<T>;
}

/**
 * Runs the command in a user namespace when the mode needs one, with this process's streams and signals, and gives
 * its exit code. Undefined: the present process is the right place, or for `auto` there is none that is better.
 * Throws `sandbox` when the mode that was asked for cannot be had.
 */
export async function enterNamespace(entry: Entry): Promise<number | undefined> {
  const privileges = readPrivileges();
  const kinds = namespacesFor(entry.isolation, privileges);
  if (kinds.length === 0) return undefined;
  const kind = await entry.withProbeFolder((folder) =>
    firstWorking(kinds, folder, entry.isolation !== 'auto'),
  );
  if (kind === undefined) return undefined;
  entry.onEntering();
  return execute(kind, entry.command, privileges);
}

async function firstWorking(
  kinds: readonly NamespaceKind[],
  folder: string,
  forced: boolean,
): Promise<NamespaceKind | undefined> {
  for (const kind of kinds) {
    try {
      await probeNamespace(kind, folder);
      return kind;
    } catch (error) {
      if (!(error instanceof PlayerError || error instanceof NamespaceError)) throw error;
      if (forced) throw await unavailable(kind, error);
    }
  }
  return undefined;
}

async function unavailable(kind: NamespaceKind, cause: PlayerError | NamespaceError): Promise<TsbuildError> {
  const refused = cause instanceof PlayerError;
  const why = refused ? `the kernel refused to ${cause.message}` : cause.message;
  const hint = refused ? await adviceFor(cause.operation?.label ?? '', cause.code) : cause.hint;
  return new TsbuildError('sandbox', `--isolation=${kind} is not possible here: ${why}`, { hint, cause });
}

async function execute(kind: NamespaceKind, command: Command, privileges: Privileges): Promise<number> {
  const inherited = inheritedDescriptors();
  let inner: number | undefined;
  const forward = (name: NodeJS.Signals): void => {
    // A terminal's keys reach the whole process group: the inner process has had that signal.
    if (inner !== undefined && !(name === 'SIGINT' && process.stdin.isTTY)) kill(inner, name);
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const;
  for (const name of names) process.on(name, forward);
  try {
    const end = await playInNamespace({
      standard: 'inherit',
      fds: inherited.fds,
      mapIds: await planIds(kind, privileges),
      operations: executeOperations(command, inherited.last),
      onStarted: (pid) => (inner = pid),
    });
    return end.exitCode ?? 128 + (constants.signals[end.signal as NodeJS.Signals] ?? 0);
  } finally {
    for (const name of names) process.off(name, forward);
  }
}

function kill(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // it has ended
  }
}

function executeOperations({ argv, env, cwd }: Command, last: number): Operation[] {
  const variables = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}=${value}`,
  );
  const label = 'start tsbuild in the namespace';
  return [
    { call: 'chdir', args: [toByteString(cwd)], label },
    { call: 'close_range', args: [3, 4, 0], label },
    { call: 'close_range', args: [last + 1, 0xffffffff, 0], label },
    {
      call: 'execve',
      args: [
        toByteString(argv[0]),
        { words: [...argv.map(toByteString), 0] },
        { words: [...variables.map(toByteString), 0] },
      ],
      label,
    },
  ];
}

/** Descriptors from 5 on that our caller gave us, as for `-f <(command)`; those between are of no use. */
function inheritedDescriptors(): { readonly fds: readonly (number | 'ignore')[]; readonly last: number } {
  const open = readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => fd > 4 && isInherited(fd));
  const last = Math.max(4, ...open);
  const fds = Array.from({ length: last - 4 }, (_, index) =>
    open.includes(index + 5) ? index + 5 : 'ignore',
  );
  return { fds, last };
}

/** What Node opens itself is closed on exec. */
function isInherited(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? '0';
    const closesOnExec = (Number.parseInt(flags, 8) & linux.O_CLOEXEC) !== 0;
    return !closesOnExec && /^(\/|pipe:)/.test(readlinkSync(`/proc/self/fd/${fd}`));
  } catch {
    return false;
  }
}
