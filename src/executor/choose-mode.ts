import { PlayerError } from '../sys/player.js';
import { capability, may, readPrivileges, type Privileges } from '../sys/privileges.js';
import { TsbuildError } from '../util/errors.js';
import { adviceFor } from './advice.js';
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
  if (isolation === 'chroot') {
    if (mayChroot(privileges)) return 'chroot';
    throw new TsbuildError(
      'sandbox',
      `--isolation=chroot is not possible here: ${chrootProblem(privileges)}`,
      {
        hint: 'run as root of the machine or of a container that has CAP_SYS_CHROOT',
      },
    );
  }
  if (isolation !== 'auto' && isolation !== present) throw await notPresent(isolation, privileges);
  if (present === undefined) return chroot(privileges);
  try {
    await probeHere(directory, privileges);
    return present;
  } catch (error) {
    if (!(error instanceof PlayerError)) throw error;
    if (isolation === 'auto' && mayChroot(privileges)) return 'chroot';
    throw await refused(error);
  }
}

/** Whether chroot mode works: root of the machine or of a container that left it this capability. */
export function mayChroot(privileges: Privileges): boolean {
  return privileges.uid === 0 && privileges.initial && may(privileges, capability.SYS_CHROOT);
}

/** Why `mayChroot` says no: a phrase. */
export function chrootProblem({ uid, initial }: Privileges): string {
  if (uid !== 0) return 'this is not root';
  return initial ? 'CAP_SYS_CHROOT is missing' : 'this is a user namespace';
}

function chroot(privileges: Privileges): 'chroot' {
  if (mayChroot(privileges)) return 'chroot';
  throw new TsbuildError('sandbox', 'a RUN instruction must run, and there is no way to isolate it here', {
    hint: 'tsbuild doctor says what this place lacks and what would give it',
  });
}

async function notPresent(isolation: NamespaceMode, privileges: Privileges): Promise<TsbuildError> {
  if (isolation === 'rootful') {
    return new TsbuildError(
      'sandbox',
      `--isolation=rootful is not possible here: ${rootfulProblem(privileges)}`,
      { hint: await adviceFor('rootful', '') },
    );
  }
  return new TsbuildError('sandbox', `--isolation=${isolation} is not what this process was started in`, {
    hint: 'tsbuild doctor says which modes work here',
  });
}

/** Why the present mode is not `rootful`: a phrase. */
export function rootfulProblem({ uid, initial }: Privileges): string {
  if (uid !== 0) return 'this is not root';
  return initial ? 'CAP_SYS_ADMIN is missing' : 'this is a user namespace';
}

async function refused(cause: PlayerError): Promise<TsbuildError> {
  return new TsbuildError('sandbox', `RUN is not possible here, the kernel refused to ${cause.message}`, {
    hint:
      (await adviceFor(cause.operation?.label ?? '', cause.code)) ??
      'Linux 5.12 or later is needed; see tsbuild doctor',
    cause,
  });
}
