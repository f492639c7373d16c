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
    value: 'FILE',
    describe: 'PEM file of an authority to trust for registries',
  },
  retry: { kind: 'text', value: 'N', describe: 'Further attempts after a failed request' },
  'retry-delay': {
    kind: 'text',
    value: 'DURATION',
    describe: 'Time before the first further attempt, such as 2s or 500ms',
  },
} as const satisfies OptionTable;

/** How registries are to be reached, as the user said it. Undefined members mean the client's defaults. */
export interface RegistryRequest {
  readonly authfile: string | undefined;
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
  /** `*` when certificates are not to be checked anywhere. */
  readonly insecureRegistries: readonly string[];
  readonly authorities: readonly string[];
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
    authorities: options['registry-ca'],
    retries: retry === undefined ? undefined : wholeNumber('--retry', retry),
    retryDelay: delay === undefined ? undefined : parseDuration('--retry-delay', delay),
  };
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
