/** Everything that a sandbox program depends on, as a value: the spec, and what was found out about host and image. */
import type { AttributeChange } from '../../sys/attributes.js';
import type { Arch } from '../../sys/player-elf.js';
import type { ExecSpec, StepMount, Surroundings } from '../types.js';

/** What the program needs to know of the host. */
export interface HostFacts {
  readonly arch: Arch;
  /** Whether the user namespace is the machine's own; in others devices cannot be made, and sysfs needs an own network. */
  readonly initial: boolean;
  /** Whether overlay attributes are `trusted.`; `user.` otherwise. */
  readonly trusted: boolean;
  /** Whether the user namespace maps one id only: every file is root's, and no other user exists. */
  readonly singleId: boolean;
  /** Permitted capabilities of this process. */
  readonly permitted: bigint;
  readonly lastCapability: number;
  /** Hard limit of open files. */
  readonly openFiles: bigint;
  /** Hard limit of core files. */
  readonly coreSize: bigint;
  /** Names below /dev to be offered, as byte strings: `null`, `zero`… */
  readonly devices: readonly string[];
  /** All device nodes right below /dev, for insecure steps: `mode` with its type bits, `device` as mknod takes it. */
  readonly allDevices: readonly { readonly name: string; readonly mode: number; readonly device: number }[];
  /** Folders of single CPUs below /sys that are to be masked. */
  readonly thermalFolders: readonly string[];
  readonly resolvConf: Uint8Array;
}

/** Absolute host paths, byte strings. */
export interface SandboxPaths {
  /** Directory that the root is mounted on before it becomes the root. */
  readonly root: string;
  /** Directory that in-memory files are mounted on. */
  readonly memory: string;
  readonly upper: string;
  readonly work: string;
  /** Layer with the mount points that the image lacks, right above the image's layers. */
  readonly init: string;
}

/** Where something is mounted: paths relative to the root, without links. */
export interface MountPoint {
  readonly path: string;
  /** Names below `path` that are made when the mount is made, as they lie in another mount. */
  readonly inside: readonly string[];
}

export interface PlannedMount {
  readonly mount: StepMount;
  readonly at: MountPoint;
  /** Whether the source of a bind is a directory. */
  readonly isDirectory: boolean;
}

export interface SandboxPlan {
  readonly spec: ExecSpec;
  readonly host: HostFacts;
  /** Path of a network namespace to enter, a byte string: the build's own. */
  readonly network?: string | undefined;
  /** Directories of control groups to enter, byte strings. */
  readonly groups?: readonly string[] | undefined;
  readonly paths: SandboxPaths;
  /** A plain directory that is the root, in place of an overlay: an absolute byte string. */
  readonly plainRoot?: string | undefined;
  readonly mounts: readonly PlannedMount[];
  /** Paths relative to the root. */
  readonly hosts: string;
  readonly resolvConf: string;
  /** Owner, mode, time and attributes of the upper's root and of the init layer, innermost first. */
  readonly attributes: readonly AttributeChange[];
}

/** What of a plan its sandbox is opened with, be it before the rest is known. */
export interface OpeningPlan extends Pick<SandboxPlan, 'host' | 'network' | 'groups'> {
  readonly spec: Surroundings;
  readonly paths: Pick<SandboxPaths, 'memory'>;
}
