/** Where credentials come from, in order; the first source that knows the registry wins. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import {
  emptyAuthFile,
  findEntry,
  parseAuthFile,
  registryKey,
  serverName,
  type AuthFile,
} from './auth-file.js';
import { askHelper, type Environment } from './credential-helper.js';
import { RegistryFailure } from './failure.js';
import type { Credentials, CredentialSource, Repository } from './types.js';
import { errnoCode } from '../util/errors.js';

const maximumFile = 1024 * 1024;

export interface CredentialOptions {
  /** DOCKER_CONFIG, REGISTRY_AUTH_FILE, DOCKER_AUTH_CONFIG and XDG_RUNTIME_DIR are read from it; helpers get all of it. */
  readonly env: Environment;
  /** Home directory; undefined: none. */
  readonly home: string | undefined;
  /** For every registry, before all else (`--creds`). */
  readonly credentials?: Credentials | undefined;
  /** An auth file that must be there (`--authfile`); the others are not read then. */
  readonly authFile?: string | undefined;
}

/**
 * Credentials as docker, podman and GitLab's runners keep them. Sources: `credentials`; `authFile` or
 * REGISTRY_AUTH_FILE alone, or else DOCKER_AUTH_CONFIG (the JSON itself), docker's config.json, containers' auth.json.
 */
export function createCredentialSource(options: CredentialOptions): CredentialSource {
  return new Source(options);
}

class Source implements CredentialSource {
  #files: Promise<readonly AuthFile[]> | undefined;
  /** Answers of helpers; some of them take seconds. */
  readonly #asked = new Map<string, Promise<Credentials | undefined>>();

  constructor(private readonly options: CredentialOptions) {}

  async find(where: Repository): Promise<Credentials | undefined> {
    if (this.options.credentials !== undefined) return this.options.credentials;
    for (const file of await this.#read()) {
      const found = await this.#findIn(file, where);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async headers(): Promise<Readonly<Record<string, string>>> {
    return (await this.#read()).reduceRight((all, { headers }) => ({ ...all, ...headers }), {});
  }

  /** An entry for a part of the registry is more exact than a helper, which is asked for all of it. */
  async #findIn(file: AuthFile, where: Repository): Promise<Credentials | undefined> {
    const entry = findEntry(file.auths, where);
    if (entry !== undefined && entry.path !== '') return entry.credentials;
    const key = registryKey(where.registry);
    const helper = file.helpers.get(key) ?? file.store;
    return (helper === undefined ? undefined : await this.#ask(helper, key)) ?? entry?.credentials;
  }

  #ask(helper: string, key: string): Promise<Credentials | undefined> {
    const server = serverName(key);
    const id = `${helper} ${server}`;
    const answer = this.#asked.get(id) ?? askHelper(helper, server, this.options.env);
    this.#asked.set(id, answer);
    return answer;
  }

  #read(): Promise<readonly AuthFile[]> {
    this.#files ??= readFiles(this.options);
    return this.#files;
  }
}

async function readFiles({ env, home, authFile }: CredentialOptions): Promise<readonly AuthFile[]> {
  const named = authFile ?? (env['REGISTRY_AUTH_FILE'] || undefined);
  if (named !== undefined) return [await readAuthFile(named, authFile !== undefined)];
  const inline = env['DOCKER_AUTH_CONFIG'];
  const docker = env['DOCKER_CONFIG'] || (home === undefined ? undefined : join(home, '.docker'));
  const runtime = env['XDG_RUNTIME_DIR'];
  const paths = [
    ...(docker === undefined ? [] : [join(docker, 'config.json')]),
    ...(runtime === undefined || runtime === '' ? [] : [join(runtime, 'containers', 'auth.json')]),
    ...(home === undefined ? [] : [join(home, '.config', 'containers', 'auth.json')]),
  ];
  const files = await Promise.all(paths.map((path) => readAuthFile(path, false)));
  return inline === undefined || inline === ''
    ? files
    : [parseAuthFile(inline, 'DOCKER_AUTH_CONFIG'), ...files];
}

async function readAuthFile(path: string, required: boolean): Promise<AuthFile> {
  const name = JSON.stringify(path);
  try {
    return parseAuthFile(await readLimited(path), name);
  } catch (error) {
    const code = errnoCode(error);
    if (code === undefined) throw error;
    if (!required && (code === 'ENOENT' || code === 'ENOTDIR')) return emptyAuthFile;
    throw new RegistryFailure('auth', `cannot read the credentials in ${name}: ${code}`, { cause: error });
  }
}

/** The text of an auth file. O_NONBLOCK keeps a fifo from hanging; what is no regular file or too large is refused. */
export async function readLimited(path: string): Promise<string> {
  const { constants } = await import('node:fs');
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > maximumFile)
      throw new RegistryFailure('auth', `${JSON.stringify(path)} is no file of at most 1 MiB`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
