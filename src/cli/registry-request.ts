import { durationOf } from '../util/duration.js';
import { TsbuildError } from '../util/errors.js';
import type { OptionTable, OptionValues } from './option-table.js';

/** Options of every command that talks to registries. */
export const registryOptions = {
  authfile: { kind: 'text', value: 'FILE', describe: 'Credentials file in the form of Docker’s config.json' },
  creds: {
    kind: 'text',
    value: 'USER:PASSWORD',
    describe: 'Credentials for the registry, in place of stored ones',
  },
  'tls-verify': {
    kind: 'optional',
    implicit: 'true',
    choices: ['true', 'false'],
    describe: 'Require HTTPS with a valid certificate (default true)',
  },
  'insecure-registry': {
    kind: 'list',
    value: 'HOST[:PORT]',
    describe: 'Registry that may be used without a valid certificate',
  },
  'registry-ca': {
    kind: 'list',
    value: '[HOST=]FILE',
    describe: 'PEM file of an authority to trust for registries, or for one of them',
  },
  'registry-client-cert': {
    kind: 'list',
    value: '[HOST=]CERT,KEY',
    describe: 'Client certificate and its key (PEM files) for registries that ask, or for one of them',
  },
  'cert-dir': {
    kind: 'text',
    value: 'FOLDER',
    describe: 'Folder with *.crt of authorities, and *.cert with *.key of a client, for all registries',
  },
  'registry-mirror': {
    kind: 'list',
    value: '[REGISTRY=]HOST[/PATH]',
    describe: 'Place to pull from before a registry (docker.io)',
  },
  retry: { kind: 'text', value: 'N', describe: 'Further attempts after a failed request' },
  'retry-delay': {
    kind: 'text',
    value: 'DURATION',
    describe: 'Time before the first further attempt, such as 2s or 500ms',
  },
} as const satisfies OptionTable;

/** A place (`host[:port][/path]`) to pull from before a registry (`host[:port][/path]`). */
export interface RegistryMirror {
  readonly registry: string;
  readonly location: string;
}

/** How registries are to be reached, as the user said it. Undefined members mean the client's defaults. */
export interface RegistryRequest {
  readonly authfile: string | undefined;
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
  /** `*` when certificates are not to be checked anywhere. */
  readonly insecureRegistries: readonly string[];
  /** As given, relative to the working directory; `host` undefined: for every registry. */
  readonly authorities: readonly { readonly host: string | undefined; readonly file: string }[];
  readonly clients: readonly {
    readonly host: string | undefined;
    readonly certificate: string;
    readonly key: string;
  }[];
  readonly certificateFolder: string | undefined;
  /** In the order in which they are asked. */
  readonly mirrors: readonly RegistryMirror[];
  /** Registries with mirrors are never asked themselves. */
  readonly mirrorsOnly: boolean;
  readonly retries: number | undefined;
  /** Milliseconds. */
  readonly retryDelay: number | undefined;
}

/** What a command that has no registry options uses. */
export const registryDefaults: RegistryRequest = {
  authfile: undefined,
  credentials: undefined,
  insecureRegistries: [],
  authorities: [],
  clients: [],
  certificateFolder: undefined,
  mirrors: [],
  mirrorsOnly: false,
  retries: undefined,
  retryDelay: undefined,
};

/** Checks the registry options of a command. Throws `usage`. */
export function registryRequest(options: OptionValues<typeof registryOptions>): RegistryRequest {
  const { authfile, creds, retry } = options;
  const delay = options['retry-delay'];
  return {
    authfile,
    credentials: creds === undefined ? undefined : parseCredentials(creds),
    insecureRegistries: options['tls-verify'] === 'false' ? ['*'] : options['insecure-registry'],
    authorities: options['registry-ca'].map((text) => {
      const [host, file] = splitHost(text);
      if (file === '') throw new TsbuildError('usage', '--registry-ca has no file');
      return { host, file };
    }),
    clients: options['registry-client-cert'].map(parseClient),
    certificateFolder: options['cert-dir'],
    mirrors: options['registry-mirror'].map(parseMirror),
    mirrorsOnly: false,
    retries: retry === undefined ? undefined : wholeNumber('--retry', retry),
    retryDelay: delay === undefined ? undefined : parseDuration('--retry-delay', delay),
  };
}

/** `host=rest`; a path may have a `=` too, after a slash. */
function splitHost(text: string): [host: string | undefined, rest: string] {
  const [, host, rest] = /^([^=/,]+)=(.*)$/s.exec(text) ?? [];
  return host === undefined || rest === undefined ? [undefined, text] : [host.toLowerCase(), rest];
}

function parseClient(text: string): RegistryRequest['clients'][number] {
  const [host, files] = splitHost(text);
  const [certificate = '', key = '', more] = files.split(',');
  if (certificate !== '' && key !== '' && more === undefined) return { host, certificate, key };
  throw new TsbuildError('usage', '--registry-client-cert takes two files', {
    hint: 'write --registry-client-cert [HOST=]CERT,KEY',
  });
}

const place = /^(?:[a-zA-Z0-9.-]+|\[[a-fA-F0-9:.]+\])(?::\d+)?(?:\/[\w./-]*)?$/;

/** Without a registry the mirror is one of Docker Hub, as kaniko and dockerd have it. */
function parseMirror(text: string): RegistryMirror {
  const [registry = 'docker.io', location = ''] = text.includes('=')
    ? [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]
    : [undefined, text];
  const bare = location.replace(/^https?:\/\//, '');
  if (place.test(bare) && place.test(registry)) return { registry: registry.toLowerCase(), location: bare };
  throw new TsbuildError(
    'usage',
    `--registry-mirror does not understand ${JSON.stringify(text.slice(0, 200))}`,
    {
      hint: 'write --registry-mirror mirror.example.com, or --registry-mirror quay.io=mirror.example.com/quay',
    },
  );
}

function parseCredentials(text: string): { username: string; password: string } {
  const colon = text.indexOf(':');
  if (colon < 1) {
    throw new TsbuildError('usage', '--creds has no password', { hint: 'write --creds USER:PASSWORD' });
  }
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** A whole number from 0 on. Throws `usage`. */
export function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new TsbuildError('usage', `${option} takes a whole number, not ${JSON.stringify(text)}`);
}

/** Milliseconds of a duration such as `2s` or `24h`; a number alone is seconds. Throws `usage`. */
export function parseDuration(option: string, text: string): number {
  const duration = durationOf(text);
  if (duration !== undefined) return duration;
  throw new TsbuildError(
    'usage',
    `${option} takes a duration such as 2s or 24h, not ${JSON.stringify(text)}`,
  );
}
