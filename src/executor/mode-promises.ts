/** What each mode promises of a step, for messages and documentation. */
import type { Mode } from './types.js';

export type PromiseName =
  | 'files of the host cannot be reached'
  | 'the builder and its environment are hidden'
  | 'devices of the host cannot be opened'
  | 'no process outlives its step'
  | 'owners of files are recorded as the step set them'
  | 'secrets are never on disk'
  | '--network=none'
  | 'limits of memory and processes'
  | 'mounts of RUN --mount';

/** What is not promised, and in what way; everything else is. */
const exceptions: Readonly<Record<Mode, Partial<Record<PromiseName, string>>>> = {
  rootful: {},
  rootless: {
    'owners of files are recorded as the step set them':
      'for the ids that the namespace maps, usually 0 to 65535',
    'limits of memory and processes': 'where control groups are delegated to the user',
  },
  'single-id': {
    'owners of files are recorded as the step set them':
      'no: a chown in RUN is accepted and not recorded; owners of the base and of COPY are kept, what is new belongs to the user of the step',
    'limits of memory and processes': 'where control groups are delegated to the user',
  },
  chroot: {
    'files of the host cannot be reached': 'where the kernel has Landlock 2 or later; else by chroot alone',
    'the builder and its environment are hidden': 'no: its processes can be seen by number and signalled',
    'devices of the host cannot be opened': 'as far as the outer container forbids it',
    'no process outlives its step':
      'best effort: what a step leaves is killed, unless the builder itself is killed',
    'secrets are never on disk': 'yes; the file is a named pipe',
    '--network=none': 'refused',
    'limits of memory and processes':
      'where control groups can be made; else of memory only, for each process',
    'mounts of RUN --mount': 'copies in place of mounts',
  },
  none: {},
};

const names: readonly PromiseName[] = [
  'files of the host cannot be reached',
  'the builder and its environment are hidden',
  'devices of the host cannot be opened',
  'no process outlives its step',
  'owners of files are recorded as the step set them',
  'secrets are never on disk',
  '--network=none',
  'limits of memory and processes',
  'mounts of RUN --mount',
];

/** All promises of a mode: `yes`, or what is less. */
export function promisesOf(mode: Mode): readonly (readonly [name: PromiseName, kept: string])[] {
  return names.map((name) => [name, exceptions[mode][name] ?? 'yes']);
}

/** What a build says once in a mode whose results or promises are less than others'. */
export function modeNotice(mode: Mode): string | undefined {
  if (mode === 'single-id') {
    return 'steps run with one user id (isolation mode single-id): a chown in RUN is accepted and not recorded';
  }
  if (mode === 'chroot') {
    return 'steps run in isolation mode chroot: not promised is that processes of the builder are hidden, that devices are closed which this container leaves open, that the network is a build’s own, and that nothing outlives a builder that is killed; --network=none is refused (tsbuild doctor says what gives more)';
  }
  return undefined;
}
