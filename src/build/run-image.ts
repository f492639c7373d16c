import { createExecutor } from '../executor/create-executor.js';
import type { ExecSpec, Mode, StepMount, User } from '../executor/types.js';
import { resolveUser } from '../executor/users.js';
import { accountFiles } from '../graph/runners/account-files.js';
import type { Layer } from '../layers/layer.js';
import { Snapshot } from '../layers/snapshot.js';
import type { ContainerConfig } from '../oci/types.js';
import type { Job } from '../progress/event.js';
import { toByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';

/** How an image is started. What is undefined comes from its config. */
export interface RunInput {
  readonly layers: readonly Layer[];
  readonly config: ContainerConfig;
  /** Replaces the entry point, and with it the command. */
  readonly entrypoint: readonly string[] | undefined;
  /** Replaces the command, if any. */
  readonly command: readonly string[];
  /** `NAME=value`; wins over the image's. */
  readonly env: readonly string[];
  readonly user: string | undefined;
  readonly workdir: string | undefined;
  readonly mounts: readonly StepMount[];
  readonly network: 'host' | 'none';
  readonly isolation: 'auto' | Mode;
  /** A folder of the store's file system that is deleted afterwards. */
  readonly scratch: string;
}

/** What connects the container with its caller. */
export type RunStreams = Pick<ExecSpec, 'input' | 'onOutput' | 'onStarted'>;

/**
 * Starts an image in the sandbox of RUN steps and waits for its end; changes are discarded. Resolves to the exit code:
 * the command's, 128 + n after signal n, 126 and 127 when it cannot be executed or is not there.
 */
export async function runImage(input: RunInput, streams: RunStreams, job: Job): Promise<number> {
  const root = Snapshot.of(input.layers);
  const user = resolveUser(input.user ?? input.config.User ?? '', await accountFiles(root));
  const onNotice = (message: string): void => job.emit({ kind: 'warning', message });
  const executor = await createExecutor({ scratch: input.scratch, isolation: input.isolation, onNotice });
  const lowers = await root.directories();
  const result = await executor.run({ ...containerSpec(input, user), ...streams, lowers }, job);
  await executor.discard(result.upper);
  return result.ok ? 0 : result.exitCode;
}

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const hostname = 'tsbuild';

/** What the config and the caller say together. Throws `usage` for an image that says nothing of what to start. */
function containerSpec(input: RunInput, user: User): Omit<ExecSpec, 'lowers' | 'onOutput'> {
  const { config, network, mounts } = input;
  const given = input.entrypoint ?? config.Entrypoint ?? [];
  const own = input.entrypoint === undefined ? (config.Cmd ?? []) : [];
  const argv = [...given, ...(input.command.length > 0 ? input.command : own)];
  if (argv.length === 0) {
    throw new TsbuildError('usage', 'the image says nothing of what to start', {
      hint: 'give a command after the name of the image',
    });
  }
  return {
    process: {
      argv: argv.map(toByteString),
      env: joinEnv([defaultPath], config.Env ?? [], input.env).map(toByteString),
      cwd: toByteString(input.workdir ?? (config.WorkingDir || '/')),
      user,
    },
    mounts,
    network,
    security: 'sandbox',
    hostname,
    extraHosts: [],
  };
}

/** Later pairs replace earlier ones of the same name. A variable without `=` is nobody's: the caller's stay out. */
function joinEnv(...lists: readonly (readonly string[])[]): string[] {
  const pairs = lists.flat().filter((pair) => pair.indexOf('=') > 0);
  return [...new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair])).values()];
}
