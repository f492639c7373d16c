/**
 * A Dockerfile as values: typed instructions whose words are as written, not yet expanded. Text here is JavaScript
 * text (UTF-16); it becomes bytes when it becomes a path.
 */
import type { Source, SourceRange } from '../util/source.js';

export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly range: SourceRange;
  readonly hint?: string | undefined;
  /** Name of the lint rule, for warnings. */
  readonly rule?: string | undefined;
}

/** Parser directives at the top of the file. */
export interface Directives {
  readonly syntax?: string | undefined;
  readonly escape: '\\' | '`';
  /** Text after `# check=`. */
  readonly check?: string | undefined;
}

export interface Dockerfile {
  readonly source: Source;
  readonly directives: Directives;
  /** ARG instructions before the first FROM. */
  readonly globalArgs: readonly ArgInstruction[];
  readonly stages: readonly Stage[];
  /** All problems of the file; one with severity `error` means that it cannot be built. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface Stage {
  /** Position in the file, from 0. */
  readonly index: number;
  readonly from: FromInstruction;
  readonly instructions: readonly StageInstruction[];
  readonly range: SourceRange;
}

export interface Heredoc {
  /** The delimiter without quotes: the file's name in COPY and ADD. */
  readonly name: string;
  /** False when any part of the delimiter was quoted. */
  readonly expand: boolean;
  /** `<<-`: leading tabs are removed. `content` is as written in the file. */
  readonly chomp: boolean;
  /** File descriptor of `3<<EOF`; 0 when none was given. */
  readonly fd: number;
  readonly content: string;
}

interface Base {
  readonly range: SourceRange;
  /**
   * The logical line as BuildKit keeps it: continuations joined, comments removed, without heredoc bodies.
   */
  readonly text: string;
  /** Comment lines directly above, without `#`. */
  readonly comments: readonly string[];
}

/** RUN, CMD and ENTRYPOINT: a shell line or an argument vector. */
export type Command =
  | { readonly form: 'shell'; readonly text: string }
  | { readonly form: 'exec'; readonly argv: readonly string[] };

export interface FromInstruction extends Base {
  readonly kind: 'FROM';
  readonly image: string;
  readonly platform?: string | undefined;
  /** Lower-cased. */
  readonly as?: string | undefined;
}
export interface ArgInstruction extends Base {
  readonly kind: 'ARG';
  readonly args: readonly { readonly name: string; readonly value?: string | undefined }[];
}
export interface EnvInstruction extends Base {
  readonly kind: 'ENV';
  readonly pairs: readonly KeyValue[];
}
export interface LabelInstruction extends Base {
  readonly kind: 'LABEL';
  readonly pairs: readonly KeyValue[];
}
export interface KeyValue {
  readonly key: string;
  readonly value: string;
}

interface CopyBase extends Base {
  readonly sources: readonly string[];
  readonly heredocs: readonly Heredoc[];
  readonly destination: string;
  readonly chown?: string | undefined;
  readonly chmod?: string | undefined;
  readonly link: boolean;
  readonly exclude: readonly string[];
}
export interface CopyInstruction extends CopyBase {
  readonly kind: 'COPY';
  readonly from?: string | undefined;
  readonly parents: boolean;
}
export interface AddInstruction extends CopyBase {
  readonly kind: 'ADD';
  readonly checksum?: string | undefined;
  readonly keepGitDir?: boolean | undefined;
  readonly unpack?: boolean | undefined;
}

/**
 * One `--mount`, as written: keys lower-cased, values unexpanded. Keys and values are checked by the parser.
 */
export interface MountOption {
  readonly type: 'bind' | 'cache' | 'tmpfs' | 'secret' | 'ssh';
  /**
   * In the order written, without `type`; aliases (`dst`, `destination`, `src`, `ro`, `rw`) are spelled out.
   */
  readonly options: readonly (readonly [key: string, value: string])[];
}
/** One `--device`: the name of a device, of a class of devices, or an alias of one; never empty. */
export interface DeviceOption {
  readonly name: string;
  readonly required: boolean;
}
export interface RunInstruction extends Base {
  readonly kind: 'RUN';
  readonly command: Command;
  readonly heredocs: readonly Heredoc[];
  readonly mounts: readonly MountOption[];
  readonly network: 'default' | 'none' | 'host';
  readonly security: 'sandbox' | 'insecure';
  readonly devices: readonly DeviceOption[];
}
export interface CmdInstruction extends Base {
  readonly kind: 'CMD';
  readonly command: Command;
}
export interface EntrypointInstruction extends Base {
  readonly kind: 'ENTRYPOINT';
  readonly command: Command;
}
export interface HealthcheckInstruction extends Base {
  readonly kind: 'HEALTHCHECK';
  /** `NONE` or a command. */
  readonly test: 'NONE' | Command;
  /** Nanoseconds; absent when not given. */
  readonly interval?: number | undefined;
  readonly timeout?: number | undefined;
  readonly startPeriod?: number | undefined;
  readonly startInterval?: number | undefined;
  readonly retries?: number | undefined;
}
export interface ShellInstruction extends Base {
  readonly kind: 'SHELL';
  readonly argv: readonly string[];
}
export interface WordsInstruction<K extends 'EXPOSE' | 'VOLUME'> extends Base {
  readonly kind: K;
  readonly words: readonly string[];
}
export interface WordInstruction<K extends 'USER' | 'WORKDIR' | 'STOPSIGNAL' | 'MAINTAINER'> extends Base {
  readonly kind: K;
  readonly word: string;
}
export interface OnbuildInstruction extends Base {
  readonly kind: 'ONBUILD';
  /** The trigger as stored in the image: instruction text, heredoc bodies included. */
  readonly trigger: string;
  /** The trigger parsed, for checks; the child image parses the text again. */
  readonly instruction: StageInstruction;
}

export type StageInstruction =
  | ArgInstruction
  | EnvInstruction
  | LabelInstruction
  | CopyInstruction
  | AddInstruction
  | RunInstruction
  | CmdInstruction
  | EntrypointInstruction
  | HealthcheckInstruction
  | ShellInstruction
  | WordsInstruction<'EXPOSE'>
  | WordsInstruction<'VOLUME'>
  | WordInstruction<'USER'>
  | WordInstruction<'WORKDIR'>
  | WordInstruction<'STOPSIGNAL'>
  | WordInstruction<'MAINTAINER'>
  | OnbuildInstruction;

export type Instruction = FromInstruction | StageInstruction;
