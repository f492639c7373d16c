import { play, PlayerError } from '../sys/player.js';
import type { Program } from '../sys/program.js';
import { TsbuildError } from '../util/errors.js';
import { linux } from './linux.js';
import type { Mode } from './types.js';

/**
 * Decides how steps are isolated: the strongest mode that works on this machine for `auto`, which is found out by
 * playing a small program, or the given one. Throws `sandbox` saying what is missing.
 */
export async function chooseMode(isolation: 'auto' | Mode, directory: string): Promise<Mode> {
  if (isolation !== 'auto' && isolation !== 'rootful') {
    throw new TsbuildError('sandbox', `isolation mode ${isolation} is not available in this version`, {
      hint: 'run as root and use --isolation=auto',
    });
  }
  if (process.geteuid?.() !== 0) {
    throw new TsbuildError(
      'sandbox',
      'a RUN instruction needs root: the rootless modes are not available in this version',
      {
        hint: 'run tsbuild as root, or build a Dockerfile whose RUN instructions are all in the cache',
      },
    );
  }
  await probe(directory);
  return 'rootful';
}

async function probe(directory: string): Promise<void> {
  try {
    await play(probeProgram(directory));
  } catch (cause) {
    if (!(cause instanceof PlayerError)) throw cause;
    throw new TsbuildError('sandbox', `RUN is not possible here, the kernel refused to ${cause.message}`, {
      hint: hints[cause.operation?.call ?? ''] ?? 'Linux 5.12 or later is needed',
      cause,
    });
  }
}

const hints: Readonly<Record<string, string>> = {
  unshare:
    'CAP_SYS_ADMIN is needed: give it to the container that tsbuild runs in, and allow unshare in its seccomp profile',
  mount:
    'CAP_SYS_ADMIN is needed, and a store that does not itself lie on an overlay file system: use a volume for it',
};

/** Namespaces, an overlay on the scratch file system, and a mount by descriptor: what a step needs first. */
export function probeProgram(directory: string): Program {
  const { CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP } = linux;
  const flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  const options =
    'lowerdir=lower,upperdir=upper,workdir=work,redirect_dir=nofollow,metacopy=off,index=off,volatile';
  return {
    operations: [
      { call: 'unshare', args: [flags], label: 'make namespaces' },
      { call: 'mount', args: [0, '/', 0, linux.MS_REC | linux.MS_PRIVATE, 0], label: 'make mounts private' },
      { call: 'chdir', args: [directory], label: 'enter the store' },
      {
        call: 'mount',
        args: ['overlay', 'root', 'overlay', linux.MS_NODEV, options],
        label: 'mount an overlay',
      },
      { call: 'fsopen', args: ['tmpfs', 1], label: 'mount by descriptor' },
      { call: 'exit_group', args: [0] },
    ],
  };
}
