import { mergeScopes, parseChallenges, parseScopes, type Challenge, type Scope } from './challenge.js';
import { RegistryFailure } from './failure.js';
import { basicAuthorization, type Token, type TokenRequest } from './tokens.js';
import { repositoryName } from './repository-name.js';
import type { Credentials, CredentialSource, Repository } from './types.js';

/** How a registry wants to be signed in to. */
type Scheme =
  | { readonly kind: 'basic' }
  | { readonly kind: 'bearer'; readonly realm: string | undefined; readonly service: string | undefined };

/** Gets a token; bound to the registry and the job of one request. */
export type TokenFetcher = (request: Omit<TokenRequest, 'userAgent'>) => Promise<Token>;

interface Wanted {
  readonly where: Repository;
  readonly scopes: readonly Scope[];
  readonly fetchToken: TokenFetcher;
}

/**
 * Knows which Authorization a request needs. Challenges are remembered by registry, so that only the first request
 * meets one; tokens by registry, rights and identity.
 */
export class Authorizer {
  readonly #schemes = new Map<string, Scheme>();
  /** Rights that a repository's challenge asked for beyond ours. */
  readonly #asked = new Map<string, readonly Scope[]>();
  readonly #tokens = new Map<string, Promise<Token>>();

  constructor(private readonly credentials: CredentialSource) {}

  /** The header's value by what is known so far; undefined when nothing is, or for a registry without sign-in. */
  async authorization(wanted: Wanted): Promise<string | undefined> {
    const scheme = this.#schemes.get(wanted.where.registry);
    if (scheme === undefined) return undefined;
    const credentials = await this.credentials.find(wanted.where);
    if (scheme.kind === 'bearer') return this.#bearer(wanted, scheme, credentials);
    if (credentials?.kind === 'basic') return basicAuthorization(credentials);
    throw new RegistryFailure('auth', `${wanted.where.registry} wants a user name and a password`, {
      hint: `sign in with \`tsbuild login ${wanted.where.registry}\``,
    });
  }

  /** Learns from a 401. `used` is the Authorization that was refused, if there was one. Throws `auth` when it is of no use. */
  async refused(wanted: Wanted, header: string | undefined, used: string | undefined): Promise<void> {
    const challenges = parseChallenges(header);
    const scheme = chooseScheme(challenges);
    const { registry } = wanted.where;
    if (scheme === undefined) {
      throw new RegistryFailure('auth', `${registry} answered 401 without saying how to sign in`, {
        status: 401,
      });
    }
    this.#schemes.set(registry, scheme);
    const scope = challenges.find(({ parameters }) => parameters.has('scope'))?.parameters.get('scope');
    if (scope !== undefined)
      this.#asked.set(repositoryName(wanted.where), parseScopes(scope).filter(isAllowed(wanted.where)));
    for (const [key, token] of this.#tokens) {
      const known = await token.catch(() => undefined);
      if (known === undefined || `Bearer ${known.value}` === used) this.#tokens.delete(key);
    }
  }

  async #bearer(
    wanted: Wanted,
    scheme: Scheme & { kind: 'bearer' },
    credentials: Credentials | undefined,
  ): Promise<string> {
    if (credentials?.kind === 'bearer') return `Bearer ${credentials.token}`;
    const scopes = mergeScopes([...wanted.scopes, ...(this.#asked.get(repositoryName(wanted.where)) ?? [])]);
    const request = { realm: scheme.realm, service: scheme.service, scopes, credentials };
    const key = JSON.stringify([wanted.where.registry, request]);
    return `Bearer ${(await this.#token(key, () => wanted.fetchToken(request))).value}`;
  }

  /** A token from the cache while it is valid; fetched once, however many requests wait for it. */
  async #token(key: string, fetchToken: () => Promise<Token>): Promise<Token> {
    const known = this.#tokens.get(key);
    if (known !== undefined) {
      const token = await known;
      if (performance.now() < token.expires) return token;
      if (this.#tokens.get(key) === known) this.#tokens.delete(key);
      return this.#token(key, fetchToken);
    }
    const fetched = fetchToken();
    this.#tokens.set(key, fetched);
    fetched.catch(() => this.#tokens.delete(key));
    return fetched;
  }
}

/** A registry may ask for rights on the repository at hand and on itself, not on others that our password covers. */
function isAllowed({ repository }: Repository) {
  return (scope: Scope): boolean =>
    scope.type !== 'repository' || scope.name === repository || scope.name.endsWith(`/${repository}`);
}

function chooseScheme(challenges: readonly Challenge[]): Scheme | undefined {
  const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'));
  if (bearer !== undefined) {
    return {
      kind: 'bearer',
      realm: bearer.parameters.get('realm'),
      service: bearer.parameters.get('service'),
    };
  }
  return challenges.some(({ scheme }) => scheme === 'basic') ? { kind: 'basic' } : undefined;
}
