/** Token servers (distribution's "Token Authentication" and "OAuth2" specifications). */
import { isJsonObject } from '../oci/json-guards.js';
import { answerFailure } from './answer-failure.js';
import { bytesBody, readBody, type Exchanger, type Request, type Response } from './exchange.js';
import { RegistryFailure } from './failure.js';
import { follow } from './follow.js';
import { networkFailure } from './network-failure.js';
import { referredUrl, type Referrals } from './referral.js';
import type { Credentials } from './types.js';

const maximumAnswer = 1024 * 1024;
const longestToken = 256 * 1024;
const defaultLifetime = 60;
const longestLifetime = 24 * 3600;

export interface Token {
  readonly value: string;
  /** By `performance.now()`: beyond it the token is not used any more. */
  readonly expires: number;
}

export interface TokenRequest {
  readonly realm: string | undefined;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
  readonly userAgent: string;
}

/** Asks a token server for a bearer token: by GET, or by POST when there is an identity token. Throws `auth`. */
export async function requestToken(
  exchanger: Exchanger,
  wanted: TokenRequest,
  { referrals, signal }: { referrals: Referrals; signal: AbortSignal },
): Promise<Token> {
  const { registry, base } = referrals.home;
  const what = `cannot sign in to ${registry}`;
  if (wanted.realm === undefined || !/^https?:\/\//i.test(wanted.realm)) {
    throw new RegistryFailure('auth', `${what}: it names no token server`);
  }
  const realm = referredUrl(referrals, wanted.realm, base);
  const request =
    wanted.credentials?.kind === 'identity'
      ? postRequest(realm, wanted, wanted.credentials.token)
      : getRequest(realm, wanted);
  try {
    const response = await follow(exchanger, request, { referrals, signal });
    if (response.status !== 200)
      throw await answerFailure(response, what, exchanger.timeouts, secretsOf(wanted));
    return await readToken(response, exchanger, what);
  } catch (error) {
    throw networkFailure(error, what, realm);
  }
}

function getRequest(realm: URL, { service, scopes, credentials, userAgent }: TokenRequest): Request {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const headers = { 'User-Agent': userAgent, Accept: 'application/json' };
  if (credentials?.kind !== 'basic') return { method: 'GET', url, headers };
  url.searchParams.set('account', credentials.username);
  return { method: 'GET', url, headers: { ...headers, Authorization: basicAuthorization(credentials) } };
}

function postRequest(url: URL, { service, scopes, userAgent }: TokenRequest, refreshToken: string): Request {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    client_id: 'tsbuild',
  });
  if (service !== undefined) form.set('service', service);
  form.set('scope', scopes.join(' '));
  const bytes = Buffer.from(form.toString());
  return {
    method: 'POST',
    url,
    headers: {
      'User-Agent': userAgent,
      Accept: 'application/json',
      'Content-Type': 'application/x-www-form-urlencoded',
    },
    body: bytesBody(bytes),
  };
}

async function readToken(response: Response, { timeouts }: Exchanger, what: string): Promise<Token> {
  const body = await readBody(response, maximumAnswer, timeouts);
  if (body === undefined) throw new RegistryFailure('auth', `${what}: the token server's answer is too long`);
  const answer = parseAnswer(body);
  const value = answer['token'] ?? answer['access_token'];
  // printable ASCII only: it becomes a header
  if (typeof value !== 'string' || value.length > longestToken || !/^[\x21-\x7e]+$/.test(value)) {
    throw new RegistryFailure('auth', `${what}: the token server's answer holds no token`);
  }
  return { value, expires: performance.now() + lifetime(answer['expires_in']) * 1000 };
}

function parseAnswer(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** Seconds for which a token is used: a tenth less than it lives, so that it does not expire on its way. */
function lifetime(stated: unknown): number {
  const valid = typeof stated === 'number' && stated > 0;
  return Math.min(valid ? stated : defaultLifetime, longestLifetime) * 0.9;
}

function secretsOf({ credentials }: TokenRequest): readonly string[] {
  if (credentials === undefined) return [];
  return credentials.kind === 'basic'
    ? [credentials.password, basicAuthorization(credentials).slice(6)]
    : [credentials.token];
}

/** Value of an Authorization header with a password. */
export function basicAuthorization({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
