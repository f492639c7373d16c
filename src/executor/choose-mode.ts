import { PlayerError } from '../sys/player.js';
import { capability, may, readPrivileges, type Privileges } from '../sys/privileges.js';
import { TsbuildError } from '../util/errors.js';
import { presentMode, type NamespaceMode } from './present-mode.js';
import { probeHere } from './probe.js';
import type { Mode } from './types.js';

/**
 * Decides how steps are isolated in this process: the strongest mode that works for `auto`, which is found out by
 * playing a small program in `directory`, or the given one. User namespaces are entered before (enter-namespace.ts).
 * Throws `sandbox` saying what is missing.
 */
export async function chooseMode(
  isolation: 'auto' | Mode,
  directory: string,
  privileges: Privileges = readPrivileges(),
): Promise<Exclude<Mode, 'none'>> {
  if (isolation === 'none') {
    throw new TsbuildError('sandbox', 'a RUN instruction must run, which --isolation=none excludes', {
      hint: 'only what is in the cache can be used; choose another mode, see tsbuild doctor',
    });
  }
  const present = presentMode(privileges);
  if (isolation === 'chroot') return chroot(privileges);
  if (isolation !== 'auto' && isolation !== present) throw notPresent(isolation, privileges);
  if (present === undefined) return chroot(privileges);
  try {
    await probeHere(directory, privileges);
    return present;
  } catch (error) {
    if (!(error instanceof PlayerError)) throw error;
    if (isolation === 'auto' && mayChroot(privileges)) return 'chroot';
    throw refused(error);
  }
}

/** Whether chroot mode works: root of the machine or of a container that left it this capability. */
export function mayChroot(privileges: Privileges): boolean {
  return privileges.uid === 0 && privileges.initial && may(privileges, capability.SYS_CHROOT);
}

function chroot(privileges: Privileges): 'chroot' {
  if (mayChroot(privileges)) return 'chroot';
  throw new TsbuildError('sandbox', 'a RUN instruction must run, and there is no way to isolate it here', {
    hint: 'tsbuild doctor says what this place lacks and what would give it',
  });
}

function notPresent(isolation: NamespaceMode, { uid }: Privileges): TsbuildError {
  if (isolation === 'rootful') {
    const problem = uid === 0 ? 'CAP_SYS_ADMIN is missing' : 'this is another user';
    return new TsbuildError('sandbox', `--isolation=rootful needs root of the machine: ${problem}`, {
      hint: 'run as root, or leave the choice to --isolation=auto',
    });
  }
  return new TsbuildError('sandbox', `--isolation=${isolation} is not what this process was started in`, {
    hint: 'tsbuild doctor says which modes work here',
  });
}

function refused(cause: PlayerError): TsbuildError {
  return new TsbuildError('sandbox', `RUN is not possible here, the kernel refused to ${cause.message}`, {
    hint: hints[cause.operation?.label ?? ''] ?? 'Linux 5.12 or later is needed; see tsbuild doctor',
    cause,
  });
}

const hints: Readonly<Record<string, string>> = {
  'make namespaces':
    'CAP_SYS_ADMIN is needed: give it to the container that tsbuild runs in, and allow unshare in its seccomp profile',
  'mount an overlay':
    'the file system of the store does not take the upper of an overlay: use another one, and set TSBUILD_ROOT',
  'mount /proc': 'an outer container must not mask /proc: --security-opt systempaths=unconfined',
};
