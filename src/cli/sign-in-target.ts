import { join, resolve } from 'node:path';
import { parseReference } from '../oci/reference.js';
import type { SignInScope } from '../registry/keep-credentials.js';
import { TsbuildError } from '../util/errors.js';
import type { CliContext } from './context.js';

/**
 * What `login` and `logout` are about: `host[:port]`, `host/path` for a part of a registry, or a URL of the host as
 * older scripts give it; Docker Hub without one. Throws `usage`.
 */
export function signInScope(text: string | undefined): SignInScope {
  if (text === undefined) return { registry: 'docker.io', path: '' };
  const bare = text.replace(/^https?:\/\//i, '').replace(/\/(?:v[12]\/?)?$/, '');
  const slash = bare.indexOf('/');
  const [host, path] = slash === -1 ? [bare, ''] : [bare.slice(0, slash), bare.slice(slash + 1)];
  try {
    const { registry, repository } = parseReference(`${host}/${path === '' ? 'x' : path}`);
    // A word without a dot is read as a part of a name on Docker Hub.
    const named = /[.:]/.test(host) || host.toLowerCase() === 'localhost';
    if (named) return { registry, path: path === '' ? '' : repository };
  } catch (error) {
    if (!(error instanceof TsbuildError)) throw error;
  }
  throw new TsbuildError('usage', `${JSON.stringify(text.slice(0, 200))} is no registry`, {
    hint: 'give its host, such as ghcr.io or registry.example.com:5000',
  });
}

/** The file that keeps credentials: the one named by option or environment, else docker's config.json. */
export function credentialsFile(authfile: string | undefined, { env, cwd }: CliContext): string {
  const named = authfile ?? (env['REGISTRY_AUTH_FILE'] || undefined);
  return named === undefined ? join(dockerFolder({ env, cwd }), 'config.json') : resolve(cwd, named);
}

/** The docker client's folder. Throws `usage` when nothing says where it is. */
export function dockerFolder({ env, cwd }: Pick<CliContext, 'env' | 'cwd'>): string {
  const given = env['DOCKER_CONFIG'] || undefined;
  if (given !== undefined) return resolve(cwd, given);
  const home = env['HOME'] || undefined;
  if (home !== undefined) return join(home, '.docker');
  throw new TsbuildError('usage', 'there is no home folder', { hint: 'set DOCKER_CONFIG or HOME' });
}
