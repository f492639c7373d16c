/** A token server as distribution's "Token Authentication" specification has it. */
import { createPrivateKey, sign, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Certificate } from './registry-server.js';

export interface TokenServerOptions {
  /** Signs the tokens; the registry trusts `certificate`. */
  readonly certificate: Certificate;
  /** Undefined: everybody may do everything. */
  readonly password?: { readonly username: string; readonly password: string };
  /** Who does not sign in gets the right to pull. */
  readonly anonymousPulls?: boolean;
  /** Accepted by POST. */
  readonly refreshToken?: string;
  /** Seconds that a token lives (60). */
  readonly lifetime?: number;
}

export interface TokenServer {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  /** Requests so far: method, scopes, and whether credentials came along. */
  readonly requests: {
    readonly method: string;
    readonly scopes: readonly string[];
    readonly authorized: boolean;
  }[];
  close(): Promise<void>;
}

const [service, issuer] = ['tests.registry', 'tests.issuer'];

export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const requests: TokenServer['requests'] = [];
  const key = createPrivateKey(await readFile(options.certificate.key));
  const chain = [new X509Certificate(await readFile(options.certificate.certificate)).raw.toString('base64')];
  const server = createServer((request, response) => {
    void readText(request).then((body) => {
      const query = new URL(request.url ?? '/', 'http://localhost').searchParams;
      const form = new URLSearchParams(body);
      const scopes = [
        ...query.getAll('scope'),
        ...form.getAll('scope').flatMap((text) => text.split(' ')),
      ].filter((scope) => scope !== '');
      const isAnonymous = request.headers.authorization === undefined && request.method === 'GET';
      const isPull = isAnonymous && options.anonymousPulls === true;
      const authorized = isPull || isAuthorized(options, request, form);
      requests.push({
        method: request.method ?? '',
        scopes,
        authorized: request.headers.authorization !== undefined || form.has('refresh_token'),
      });
      if (!authorized) {
        response
          .writeHead(401, { 'Content-Type': 'application/json' })
          .end('{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}');
        return;
      }
      const token = makeToken({ key, chain }, isPull ? scopes.map(pullOnly) : scopes, options.lifetime ?? 60);
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(
        JSON.stringify({
          [request.method === 'POST' ? 'access_token' : 'token']: token,
          expires_in: options.lifetime ?? 60,
        }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    realm: `http://127.0.0.1:${port}/token`,
    service,
    issuer,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function isAuthorized(
  { password, refreshToken }: TokenServerOptions,
  request: IncomingMessage,
  form: URLSearchParams,
): boolean {
  if (request.method === 'POST')
    return refreshToken !== undefined && form.get('refresh_token') === refreshToken;
  if (password === undefined) return true;
  return (
    request.headers.authorization ===
    `Basic ${Buffer.from(`${password.username}:${password.password}`).toString('base64')}`
  );
}

interface Signer {
  readonly key: ReturnType<typeof createPrivateKey>;
  readonly chain: readonly string[];
}

function makeToken({ key, chain }: Signer, scopes: readonly string[], lifetime: number): string {
  const now = Math.floor(Date.now() / 1000);
  const header = { typ: 'JWT', alg: 'ES256', x5c: chain };
  const claims = {
    iss: issuer,
    aud: service,
    sub: '',
    exp: now + lifetime,
    nbf: now - 5,
    iat: now,
    jti: 'x',
    access: scopes.map(accessOf),
  };
  const text = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

function accessOf(scope: string) {
  const [type = '', ...rest] = scope.split(':');
  return { type, name: rest.slice(0, -1).join(':'), actions: (rest.at(-1) ?? '').split(',') };
}

function pullOnly(scope: string): string {
  return scope.replace(/:[a-z,*]*$/, ':pull');
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString('utf8');
}
