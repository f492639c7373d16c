/** docker's config.json and containers' auth.json, which share a format. */
import { isJsonObject, type JsonObject } from '../oci/json-guards.js';
import { RegistryFailure } from './failure.js';
import type { Credentials, Repository } from './types.js';

export interface AuthFile {
  readonly auths: readonly AuthEntry[];
  /** Helper names by registry host. */
  readonly helpers: ReadonlyMap<string, string>;
  readonly store: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** Credentials for a registry, or for the repositories below a path of it. */
export interface AuthEntry {
  readonly registry: string;
  /** `group/project`; '' for the whole registry. */
  readonly path: string;
  readonly credentials: Credentials;
}

export const emptyAuthFile: AuthFile = { auths: [], helpers: new Map(), store: undefined, headers: {} };

const hubNames = new Set(['index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com']);

/** Reads the text of an auth file; `name` is for messages. Contents never appear in them. Throws `auth`. */
export function parseAuthFile(text: string, name: string): AuthFile {
  const value = text.trim() === '' ? {} : parseJson(text, name);
  if (!isJsonObject(value)) throw unreadable(name);
  const store = value['credsStore'];
  return {
    auths: Object.entries(objectOf(value['auths'])).flatMap(([key, entry]) => authEntry(key, entry)),
    helpers: new Map(
      stringEntries(value['credHelpers']).map(([key, helper]) => [splitKey(key).registry, helper]),
    ),
    store: typeof store === 'string' && store !== '' ? store : undefined,
    headers: Object.fromEntries(
      stringEntries(value['HttpHeaders']).filter(([header, text]) => isUsableHeader(header, text)),
    ),
  };
}

/** The entry for a repository: of its registry exactly, with the longest path that contains it. */
export function findEntry(entries: readonly AuthEntry[], where: Repository): AuthEntry | undefined {
  const registry = registryKey(where.registry);
  const fitting = entries.filter(
    ({ registry: host, path }) =>
      host === registry && (path === '' || `${where.repository}/`.startsWith(`${path}/`)),
  );
  return fitting.sort((a, b) => b.path.length - a.path.length)[0];
}

/** A registry's name as keys of auth files are compared: lower case, default port left out, Docker Hub by one name. */
export function registryKey(registry: string): string {
  const host = registry.toLowerCase().replace(/:443$/, '');
  return hubNames.has(host) ? 'docker.io' : host;
}

/** Keys are `host`, `host/path` (containers), or URLs such as `https://index.docker.io/v1/` (docker). */
function splitKey(key: string): { registry: string; path: string } {
  const scheme = /^https?:\/\//i.exec(key)?.[0] ?? '';
  const bare = key.slice(scheme.length).replace(/\/+$/, '');
  const slash = bare.indexOf('/');
  const path = slash === -1 ? '' : bare.slice(slash + 1);
  const isApi = scheme !== '' && /^v[12]$/.test(path);
  return { registry: registryKey(slash === -1 ? bare : bare.slice(0, slash)), path: isApi ? '' : path };
}

/** Whether a key of `auths` is for exactly this registry, and this path of it. */
export function isKeyOf(key: string, { registry, path }: Pick<AuthEntry, 'registry' | 'path'>): boolean {
  const split = splitKey(key);
  return split.registry === registryKey(registry) && split.path === path;
}

/** The name of a registry as docker writes it in config.json and tells it to helpers. */
export function serverName(registry: string): string {
  const key = registryKey(registry);
  return key === 'docker.io' ? 'https://index.docker.io/v1/' : key;
}

function authEntry(key: string, value: unknown): readonly AuthEntry[] {
  const credentials = credentialsOf(objectOf(value));
  return credentials === undefined ? [] : [{ ...splitKey(key), credentials }];
}

/** An entry without content says that a helper has the password. */
function credentialsOf(entry: JsonObject): Credentials | undefined {
  const { identitytoken, registrytoken, auth, username, password } = entry;
  if (isText(registrytoken)) return { kind: 'bearer', token: registrytoken };
  if (isText(identitytoken)) return { kind: 'identity', token: identitytoken };
  if (isText(auth)) {
    // docker once padded the value with NULs
    const [name, secret] = splitOnce(Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, ''));
    if (secret !== undefined) return basic(name, secret);
  }
  return isText(username) && typeof password === 'string' ? basic(username, password) : undefined;
}

function basic(username: string, password: string): Credentials | undefined {
  if (username === '<token>') return { kind: 'identity', token: password };
  return username === '' && password === '' ? undefined : { kind: 'basic', username, password };
}

function splitOnce(text: string): [string, string | undefined] {
  const colon = text.indexOf(':');
  return colon === -1 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

function stringEntries(value: unknown): [string, string][] {
  return Object.entries(objectOf(value)).flatMap(([key, text]): [string, string][] =>
    isText(text) ? [[key, text]] : [],
  );
}

/** Headers that a file may add: none that the protocol itself uses. */
function isUsableHeader(name: string, value: string): boolean {
  const own =
    /^(?:authorization|host|accept|accept-encoding|connection|cookie|range|transfer-encoding|expect|upgrade|content-.*|proxy-.*)$/i;
  return /^[\w!#$%&'*+.^`|~-]+$/.test(name) && !own.test(name) && /^[\x20-\x7e]*$/.test(value);
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unreadable(name); // the parser's message would quote the text
  }
}

function unreadable(name: string): RegistryFailure {
  return new RegistryFailure('auth', `${name} is not a JSON object as docker writes it`, {
    hint: 'correct it, or delete it and sign in again',
  });
}
