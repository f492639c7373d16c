import type { StepMount } from '../executor/types.js';
import type { Platform } from '../oci/platform.js';
import { parsePlatform } from '../oci/platform.js';
import type { ProgressKind } from '../progress/kinds.js';
import { TsbuildError } from '../util/errors.js';
import { isolationModes } from './build-options.js';
import type { Isolation } from './build-request.js';
import type { OptionTable, OptionValues } from './option-table.js';
import { progressKind, progressOption } from './progress-option.js';
import { registryOptions, registryRequest, type RegistryRequest } from './registry-request.js';

/** Options of `tsbuild run`, named as docker's. */
export const runOptions = {
  rm: { kind: 'flag', describe: 'Accepted for scripts: nothing is kept' },
  detach: { kind: 'flag', short: 'd', describe: 'Refused: nothing runs on when tsbuild ends' },
  interactive: { kind: 'flag', short: 'i', describe: 'Pass on standard input' },
  tty: { kind: 'flag', short: 't', describe: 'Give the command a terminal' },
  env: {
    kind: 'list',
    short: 'e',
    value: 'NAME[=VALUE]',
    describe: 'Variable; without = it is taken from the environment',
  },
  volume: {
    kind: 'list',
    short: 'v',
    value: 'SRC:DST[:ro]',
    describe: 'Show a folder or, with :ro, a file of this machine',
  },
  publish: {
    kind: 'list',
    short: 'p',
    value: 'PORT[:PORT]',
    describe: 'Accepted where it changes nothing: the command uses the network of this machine',
  },
  user: { kind: 'text', short: 'u', value: 'USER[:GROUP]', describe: 'User in place of the image’s' },
  workdir: { kind: 'text', short: 'w', value: 'PATH', describe: 'Working directory in place of the image’s' },
  entrypoint: { kind: 'text', value: 'COMMAND', describe: 'Command in place of the image’s entry point' },
  network: {
    kind: 'text',
    value: 'MODE',
    choices: ['host', 'none'],
    describe: 'Network of the command: host (default) or none',
  },
  platform: {
    kind: 'text',
    value: 'OS/ARCH[/VARIANT]',
    describe: 'Platform of the image (default the machine’s own)',
  },
  isolation: {
    kind: 'text',
    value: 'MODE',
    choices: isolationModes,
    describe: `How the command is isolated: ${isolationModes.join(', ')}`,
  },
  progress: progressOption,
  ...registryOptions,
} as const satisfies OptionTable;

export interface Volume {
  /** As given. */
  readonly source: string;
  readonly target: string;
  readonly readonly: boolean;
}

export interface RunRequest {
  readonly image: string;
  readonly command: readonly string[];
  readonly interactive: boolean;
  readonly tty: boolean;
  readonly env: readonly string[];
  readonly volumes: readonly Volume[];
  readonly user: string | undefined;
  readonly workdir: string | undefined;
  /** Undefined: the image's; empty: none. */
  readonly entrypoint: readonly string[] | undefined;
  readonly network: 'host' | 'none';
  readonly platform: Platform | undefined;
  readonly isolation: Isolation;
  readonly progress: ProgressKind;
  readonly registry: RegistryRequest;
}

/** Checks the options. Throws `usage` and `unsupported`. */
export function runRequest(
  [image = '', ...command]: readonly string[],
  options: OptionValues<typeof runOptions>,
  env: Readonly<Record<string, string | undefined>>,
): RunRequest {
  if (options.detach) {
    throw new TsbuildError('unsupported', 'nothing runs on when tsbuild run ends, so there is no --detach', {
      hint: 'put tsbuild run itself into the background with & and end it by a signal, or use a container engine',
    });
  }
  const network = options.network === 'none' ? 'none' : 'host';
  for (const port of options.publish) checkPublished(port, network);
  const { entrypoint } = options;
  return {
    image,
    command,
    interactive: options.interactive,
    tty: options.tty,
    env: options.env.flatMap((text) => variable(text, env)),
    volumes: options.volume.map(parseVolume),
    user: options.user,
    workdir: parseWorkdir(options.workdir),
    entrypoint: entrypoint === undefined ? undefined : entrypoint === '' ? [] : [entrypoint],
    network,
    platform: options.platform === undefined ? undefined : parsePlatform(options.platform),
    isolation: isolationModes.find((mode) => mode === options.isolation) ?? 'auto',
    // Lines that redraw themselves would mix with what the command shows.
    progress:
      options.progress === undefined ? 'plain' : progressKind({ quiet: false, progress: options.progress }),
    registry: registryRequest(options),
  };
}

function variable(text: string, env: Readonly<Record<string, string | undefined>>): string[] {
  if (text.startsWith('=') || text === '') throw new TsbuildError('usage', '--env has no name');
  if (text.includes('=')) return [text];
  const value = env[text];
  return value === undefined ? [] : [`${text}=${value}`];
}

function parseVolume(text: string): Volume {
  const [source = '', target = '', mode = 'rw', ...more] = text.split(':');
  const form = { hint: 'the form is SRC:DST or SRC:DST:ro' };
  if (source === '' || !target.startsWith('/') || more.length > 0) {
    throw new TsbuildError('usage', `--volume ${JSON.stringify(text)} is not understood`, form);
  }
  if (mode !== 'ro' && mode !== 'rw')
    throw new TsbuildError('usage', `--volume knows no ${JSON.stringify(mode)}`, form);
  if (!source.includes('/') && source !== '.') {
    throw new TsbuildError(
      'unsupported',
      `--volume ${JSON.stringify(source)} names a volume, and tsbuild has none`,
      {
        hint: `to show a folder, write ./${source}`,
      },
    );
  }
  return { source, target, readonly: mode === 'ro' };
}

/** Throws where the command would not be reached at the port that was asked for. */
function checkPublished(text: string, network: 'host' | 'none'): void {
  const [, first, second = first] =
    /^(?:\d+(?:\.\d+){3}:)?(\d+)(?::(\d+))?(?:\/(?:tcp|udp))?$/.exec(text) ?? [];
  if (first === undefined)
    throw new TsbuildError('usage', `--publish ${JSON.stringify(text)} is not understood`);
  if (network === 'host' && first === second) return;
  throw new TsbuildError('unsupported', `port ${second} cannot be published as ${first}`, {
    hint: 'the command uses the network of this machine: tell it to listen on the port itself, and leave --network as it is',
  });
}

function parseWorkdir(path: string | undefined): string | undefined {
  if (path === undefined || path.startsWith('/')) return path;
  throw new TsbuildError('usage', `--workdir needs an absolute path, not ${JSON.stringify(path)}`);
}

/** A mount for a volume whose source is resolved. Writes go to the folder itself. */
export function volumeMount(
  { target, readonly }: Volume,
  source: { readonly path: string; readonly isDirectory: boolean },
): StepMount {
  if (readonly) return { kind: 'bind', source: source.path, target, writable: false };
  if (source.isDirectory) return { kind: 'cache', source: source.path, target, readonly: false };
  throw new TsbuildError('unsupported', `${JSON.stringify(target)} would be a writable single file`, {
    hint: 'show the folder that the file lies in, or add :ro',
  });
}
