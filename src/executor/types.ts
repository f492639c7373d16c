/** What the rest of tsbuild knows of running a step. How and where it runs is hidden behind Executor. */
import type { Readable } from 'node:stream';
import type { Job } from '../progress/event.js';
import type { LayerDirectory } from '../layers/types.js';

/** How a step is isolated (docs/architecture.md, "Executing"). It never changes a result. */
export type Mode = 'rootful' | 'rootless' | 'single-id' | 'chroot' | 'none';

/** A resolved user: numbers only. */
export interface User {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, the primary one included. */
  readonly groups: readonly number[];
  /** Home from the image's passwd, for HOME when the environment has none. */
  readonly home: string;
}

export interface Process {
  /** Byte strings; argv[0] is looked up in PATH of `env` inside the root unless it has a slash. */
  readonly argv: readonly string[];
  /** `NAME=value` byte strings: the whole environment; nothing is added but HOME. */
  readonly env: readonly string[];
  /** Absolute path inside the root. */
  readonly cwd: string;
  readonly user: User;
}

export type StepNetwork = 'default' | 'host' | 'none';

/** What is taken away from what lies in a mount. */
export type HostMountFlag = 'ro' | 'nosuid' | 'nodev' | 'noexec';

/** A mount besides those of every sandbox. Targets are absolute paths inside the root. */
export type StepMount =
  /** Host path (byte string) that the caller has resolved: its last name is no link. Writes are refused, or go to a discarded upper when `writable`. */
  | { readonly kind: 'bind'; readonly source: string; readonly target: string; readonly writable: boolean }
  /** A path of some layers, from the bottom up, as they add up: relative to their root, without links. Writes as with `bind`. */
  | {
      readonly kind: 'view';
      readonly lowers: readonly LayerDirectory[];
      readonly path: string;
      readonly isDirectory: boolean;
      readonly target: string;
      readonly writable: boolean;
    }
  /** `path` is a folder below `source`, which steps may have written: no link on the way is followed. */
  | {
      readonly kind: 'cache';
      readonly source: string;
      readonly path?: string;
      readonly target: string;
      readonly readonly: boolean;
    }
  /**
   * A device of the machine: where devices can be made one of its own, whose owner is the step's user unless others are
   * given; elsewhere the machine's, with its mode and owner. `source` is a byte string without links.
   */
  | {
      readonly kind: 'device';
      readonly source: string;
      readonly target: string;
      /** With its type bits. */
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
      readonly uid?: number | undefined;
      readonly gid?: number | undefined;
    }
  /** A file or folder of the machine itself (byte string, without links). Writes reach it. */
  | {
      readonly kind: 'host';
      readonly source: string;
      readonly target: string;
      /** With what is mounted below it. */
      readonly recursive: boolean;
      readonly flags: readonly HostMountFlag[];
    }
  | { readonly kind: 'tmpfs'; readonly target: string; readonly size: number | undefined }
  /** A read-only, executable file that the step sees, such as a heredoc that starts with `#!`. No secret. */
  | { readonly kind: 'file'; readonly bytes: Uint8Array; readonly target: string; readonly mode: number }
  /** A read-only file whose bytes live in memory only; never executable. */
  | {
      readonly kind: 'secret';
      readonly bytes: Uint8Array;
      readonly target: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

/** Limits of one step. What is not given is not limited, or has the default that is named. */
export interface StepLimits {
  /** Bytes of memory, swap included. */
  readonly memory?: number;
  /** Processors; may be broken. */
  readonly cpus?: number;
  /** Processes and threads; 32768 where control groups are to be had. */
  readonly pids?: number;
  /** Bytes of /dev/shm; 64 MiB. */
  readonly shmSize?: number;
  readonly ulimits?: readonly Ulimit[];
  /** Milliseconds. */
  readonly timeout?: number;
}

/** A limit of setrlimit(2): number of the resource, soft and hard value. */
export interface Ulimit {
  readonly resource: number;
  readonly soft: bigint;
  readonly hard: bigint;
}

/** What connects a shell in a failed step with its user. */
export type ShellStreams = Pick<ExecSpec, 'onOutput'> & { readonly input: StepInput };

/** Is told of a step that failed, and may start a shell in its root. */
export type OnFailedStep = (startShell: (streams: ShellStreams) => Promise<void>) => Promise<void>;

export type StepInput =
  | { readonly kind: 'pipe'; readonly source: Readable }
  /** A terminal of the step's own, which becomes its controlling one, in place of all three streams. */
  | { readonly kind: 'terminal'; readonly source: Readable; readonly size: TerminalSize };

/** A size, and word of its changes. */
export interface TerminalSize {
  current(): { readonly rows: number; readonly columns: number };
  /** Returns how to stop listening. */
  onChange(listener: () => void): () => void;
}

/** How names are resolved; an empty list leaves what the machine says. */
export interface ResolverSettings {
  /** IP addresses. */
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface ExecSpec {
  /** Lower directories from the bottom of the image up; may be empty (scratch). */
  readonly lowers: readonly LayerDirectory[];
  readonly process: Process;
  readonly mounts: readonly StepMount[];
  readonly network: StepNetwork;
  readonly security: 'sandbox' | 'insecure';
  readonly hostname: string;
  /** Lines of /etc/hosts besides localhost: [name, address]. */
  readonly extraHosts: readonly (readonly [name: string, address: string])[];
  readonly resolver?: ResolverSettings | undefined;
  readonly limits?: StepLimits;
  /** What the step reads; nothing unless given. */
  readonly input?: StepInput | undefined;
  /** Called with each chunk that the step writes, as it is written. A terminal has one stream only. */
  readonly onOutput: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void;
  /** Called when the command is about to run, with a function that sends it a signal. */
  readonly onStarted?: ((signal: (name: NodeJS.Signals) => void) => void) | undefined;
}

/** What the sandbox of a step is opened with, before its files and its command matter. */
export type Surroundings = Pick<ExecSpec, 'network' | 'security' | 'limits' | 'input'>;

/**
 * `upper` holds what the step changed, in overlay form, with mount-point stubs removed. The caller owns it: it
 * is moved into the store or given to `discard`. A non-zero exit is a result, not an exception.
 */
export type ExecResult =
  | { readonly ok: true; readonly upper: LayerDirectory }
  | {
      readonly ok: false;
      readonly exitCode: number;
      readonly signal?: string;
      /** The command is there and its mode fits, but the kernel could not execute it: a program for another processor, or one without its loader. */
      readonly notExecutable?: true;
      /** Which limit ended the step. */
      readonly limit?: 'memory' | 'time';
      readonly upper: LayerDirectory;
    };

/** Which ids of an image exist where steps run. What belongs to others belongs to root there. */
export interface KnownIds {
  readonly hasUser: (id: number) => boolean;
  readonly hasGroup: (id: number) => boolean;
}

export interface Executor {
  readonly mode: Mode;
  /** Undefined: all. */
  readonly ids?: KnownIds | undefined;
  /** Throws `sandbox` when the step could not be started, `cancelled` when the job's signal fired. */
  run(spec: ExecSpec, job: Job): Promise<ExecResult>;
  /** Deletes an upper directory that nobody wants, and what belongs to it. */
  discard(upper: LayerDirectory): Promise<void>;
  /** Is told of a step that will be run, so that its sandbox can be open by then. */
  expect?(step: Surroundings): void;
  /** Ends what was opened for steps that did not come; to be called when no step runs any more. */
  close?(): Promise<void>;
}
