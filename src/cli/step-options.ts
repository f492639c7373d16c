import { isIP } from 'node:net';
import { usualSpecFolders } from '../executor/cdi/spec-folders.js';
import { ulimitNames } from '../executor/limit-settings.js';
import type { ResolverSettings, StepLimits, Ulimit } from '../executor/types.js';
import { TsbuildError } from '../util/errors.js';
import type { OptionTable, OptionValues } from './option-table.js';
import { parseDuration, wholeNumber } from './registry-request.js';

/** Options of `build` for RUN steps. Names and values are those of docker and buildah where they have them. */
export const stepOptions = {
  ssh: {
    emptyIsNone: true,
    kind: 'list',
    value: 'ID[=SOCKET|KEYFILE,…]',
    describe: 'SSH agent, or private keys, for RUN --mount=type=ssh; default is the agent of $SSH_AUTH_SOCK',
  },
  memory: {
    emptyIsNone: true,
    kind: 'text',
    short: 'm',
    value: 'SIZE',
    describe: 'Memory that a RUN step may take, such as 2g',
  },
  cpus: { kind: 'text', value: 'N', describe: 'Processors that a RUN step may use, such as 1.5' },
  'pids-limit': { kind: 'text', value: 'N', describe: 'Processes that a RUN step may have (default 32768)' },
  'shm-size': { kind: 'text', value: 'SIZE', describe: 'Size of /dev/shm of RUN steps (default 64m)' },
  ulimit: {
    kind: 'list',
    value: 'NAME=SOFT[:HARD]',
    describe: 'Limit of RUN steps, such as nofile=1024:2048',
  },
  'step-timeout': { kind: 'text', value: 'DURATION', describe: 'How long a RUN step may take, such as 30m' },
  'host-port': {
    kind: 'list',
    value: 'PORT',
    describe: 'Port of 127.0.0.1 of this machine that RUN steps reach at theirs, such as a proxy or a mirror',
  },
  dns: {
    kind: 'list',
    value: 'ADDRESS',
    describe: 'Name server of RUN steps, in place of those of the machine',
  },
  'dns-search': {
    kind: 'list',
    value: 'DOMAIN',
    describe: 'Search domain of RUN steps, in place of those of the machine; . is none',
  },
  'dns-option': {
    kind: 'list',
    value: 'OPTION',
    describe: 'Option of resolv.conf of RUN steps, in place of those of the machine',
  },
  'cdi-spec-dir': {
    kind: 'list',
    value: 'FOLDER',
    describe: `CDI specs of the devices for RUN --device (default ${usualSpecFolders.join(', ')})`,
  },
} as const satisfies OptionTable;

/** An agent for RUN --mount=type=ssh: without paths that of $SSH_AUTH_SOCK, else a socket, or keys. */
export interface SshRequest {
  readonly id: string;
  readonly paths: readonly string[];
}

/** What was asked for on behalf of RUN steps. */
export interface StepRequest {
  readonly ssh: readonly SshRequest[];
  /** Undefined: as the machine does it. */
  readonly resolver: ResolverSettings | undefined;
  readonly limits: StepLimits;
  readonly hostPorts: readonly number[];
  /** Of CDI specs, as given; empty: the usual ones. */
  readonly deviceFolders: readonly string[];
}

/** Throws `usage`. */
export function stepRequest(options: OptionValues<typeof stepOptions>): StepRequest {
  const { memory, cpus, ulimit } = options;
  const timeout = options['step-timeout'];
  const pids = options['pids-limit'];
  const shmSize = options['shm-size'];
  const limits: StepLimits = {
    ...(memory !== undefined && { memory: parseSize('--memory', memory) }),
    ...(cpus !== undefined && { cpus: parseCpus(cpus) }),
    ...(pids !== undefined && { pids: positive('--pids-limit', wholeNumber('--pids-limit', pids)) }),
    ...(shmSize !== undefined && { shmSize: parseSize('--shm-size', shmSize) }),
    ...(ulimit.length > 0 && { ulimits: ulimit.map(parseUlimit) }),
    ...(timeout !== undefined && {
      timeout: positive('--step-timeout', parseDuration('--step-timeout', timeout)),
    }),
  };
  return {
    ssh: options.ssh.map(parseSsh),
    resolver: parseResolver(options),
    limits,
    hostPorts: options['host-port'].map(parsePort),
    deviceFolders: options['cdi-spec-dir'].map(parseFolder),
  };
}

function parseResolver(options: OptionValues<typeof stepOptions>): ResolverSettings | undefined {
  const servers = options.dns.map(parseServer);
  const searches = options['dns-search'].map((text) => oneWord('--dns-search', text));
  const resolverOptions = options['dns-option'].map((text) => oneWord('--dns-option', text));
  if (servers.length + searches.length + resolverOptions.length === 0) return undefined;
  return { servers, searches, options: resolverOptions };
}

/** buildah's `none` leaves the file to the image: a step has one here, so that no layer gets one. */
function parseServer(text: string): string {
  if (text === 'none') throw new TsbuildError('unsupported', '--dns none is not supported');
  if (isIP(text) !== 0) return text;
  throw new TsbuildError('usage', `--dns takes an IP address, not ${JSON.stringify(text)}`);
}

function oneWord(option: string, text: string): string {
  if (/^[!-~]+$/.test(text)) return text;
  throw new TsbuildError('usage', `${option} takes one word, not ${JSON.stringify(text)}`);
}

function parseSsh(text: string): SshRequest {
  const equals = text.indexOf('=');
  const id = equals < 0 ? text : text.slice(0, equals);
  const paths = equals < 0 ? [] : text.slice(equals + 1).split(',');
  if (id !== '' && !paths.includes('')) return { id, paths };
  throw new TsbuildError('usage', `wrong --ssh ${JSON.stringify(text)}`, {
    hint: 'write --ssh default, --ssh ID=SOCKET or --ssh ID=KEYFILE',
  });
}

const units = 'bkmgt';

/** Bytes of `64m`, `1.5g`, `1024`: powers of 1024, as docker takes them. Throws `usage`. */
export function parseSize(option: string, text: string): number {
  const [, amount = '', unit = 'b'] = /^(\d+(?:\.\d+)?)([bkmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(amount) * 1024 ** Math.max(0, units.indexOf(unit.toLowerCase())));
  if (amount !== '' && bytes > 0 && Number.isSafeInteger(bytes)) return bytes;
  throw new TsbuildError('usage', `${option} takes a size such as 64m or 2g, not ${JSON.stringify(text)}`);
}

function parseCpus(text: string): number {
  const cpus = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (cpus >= 0.01 && cpus <= 8192) return cpus;
  throw new TsbuildError('usage', `--cpus takes a number such as 2 or 0.5, not ${JSON.stringify(text)}`);
}

function positive(option: string, value: number): number {
  if (value > 0) return value;
  throw new TsbuildError('usage', `${option} must be more than 0`);
}

function parseFolder(text: string): string {
  if (text !== '') return text;
  throw new TsbuildError('usage', '--cdi-spec-dir is empty');
}

function parsePort(text: string): number {
  const port = wholeNumber('--host-port', text);
  if (port > 0 && port < 65536) return port;
  throw new TsbuildError('usage', `--host-port takes a port from 1 to 65535, not ${JSON.stringify(text)}`);
}

const unlimited = (1n << 64n) - 1n;

/** `nofile=1024`, `nofile=1024:2048`; -1 and `unlimited` are no limit. */
function parseUlimit(text: string): Ulimit {
  const [, name = '', soft = '', hard = soft] = /^([a-z]+)=([^:]+)(?::([^:]+))?$/.exec(text) ?? [];
  const resource = ulimitNames.get(name);
  const [low, high] = [ulimitValue(soft), ulimitValue(hard)];
  if (resource !== undefined && low !== undefined && high !== undefined && low <= high) {
    return { resource, soft: low, hard: high };
  }
  throw new TsbuildError('usage', `wrong --ulimit ${JSON.stringify(text)}`, {
    hint: `write NAME=SOFT:HARD, the soft limit not above the hard one; names are ${[...ulimitNames.keys()].join(', ')}`,
  });
}

function ulimitValue(text: string): bigint | undefined {
  if (text === '-1' || text === 'unlimited') return unlimited;
  return /^\d{1,18}$/.test(text) ? BigInt(text) : undefined;
}
