import { isIP } from 'node:net';
import {
  bareHost,
  isLoopbackHost,
  mayRefer,
  reachOf,
  reachOfHost,
  type Reach,
} from '../registry/addresses.js';
import { Connections, type Trust } from '../registry/connections.js';
import { bodyOf, discardBody, exchange, type Response } from '../registry/exchange.js';
import { RegistryFailure } from '../registry/failure.js';
import { harmlessHeaders } from '../registry/follow.js';
import { networkFailure } from '../registry/network-failure.js';
import { redactUrl } from '../registry/redact.js';
import type { CertificateOptions, ProxyOptions, TimeoutOptions } from '../registry/types.js';
import type { Job } from '../progress/event.js';
import { TsbuildError } from '../util/errors.js';
import type { Authorize } from './source-secrets.js';

export interface HttpOptions {
  readonly certificates?: CertificateOptions | undefined;
  readonly proxy?: ProxyOptions | undefined;
  readonly timeouts?: Partial<TimeoutOptions> | undefined;
  /** Signs in at URLs without user information. */
  readonly authorize?: Authorize | undefined;
}

const mostRedirects = 10;
const defaultTimeouts: TimeoutOptions = {
  connect: 30_000,
  idle: 60_000,
  commit: 60_000,
  rateWindow: 60_000,
  minimumRate: 1024,
};

/** Headers of a download's request by name. */
export type Headers = Readonly<Record<string, string>>;

/**
 * Downloads from servers that the user or the Dockerfile names. A redirect leads to http or https only, never from
 * https to http, and never to a network that is more internal than the named host; what identifies the user in the
 * URL goes to its origin alone.
 */
export class HttpFetcher {
  readonly #connections: Connections;
  readonly #timeouts: TimeoutOptions;
  readonly #authorize: Authorize;

  constructor({ certificates, proxy, timeouts, authorize }: HttpOptions) {
    this.#authorize = authorize ?? (() => undefined);
    this.#timeouts = { ...defaultTimeouts, ...timeouts };
    this.#connections = new Connections({ certificates, proxy, connectTimeout: this.#timeouts.connect });
  }

  /** The last answer of a chain of redirects, whatever its status. Its body must be read to its end or discarded. */
  async get(home: URL, headers: Headers, job: Job): Promise<Response> {
    let url = withoutCredentials(home);
    let sent: Headers = { ...headers, ...this.#authorization(home) };
    try {
      for (let hops = 0; hops <= mostRedirects; hops++) {
        const trust = await this.#trust(home, url);
        const request = { method: 'GET', url, headers: { 'User-Agent': 'tsbuild', ...sent } } as const;
        const exchanger = { connections: this.#connections, timeouts: this.#timeouts };
        const response = await exchange(exchanger, request, { trust, signal: job.signal });
        if (![301, 302, 303, 307, 308].includes(response.status)) return response;
        await discardBody(response, this.#timeouts);
        const next = redirectOf(url, response.headers['location']);
        if (next.origin !== url.origin) sent = forOthers(sent);
        url = next;
      }
    } catch (error) {
      throw fetchFailure(error, url);
    }
    throw refused(`${redactUrl(home)} redirects more than ${mostRedirects} times`);
  }

  /** The bytes of an answer. A body that ends early is an error. */
  async *body(response: Response): AsyncGenerator<Uint8Array> {
    try {
      yield* bodyOf(response, this.#timeouts);
    } catch (error) {
      throw fetchFailure(error, response.url);
    }
  }

  /** Ends an answer whose body is not wanted. */
  async discard(response: Response): Promise<void> {
    await discardBody(response, this.#timeouts);
  }

  close(): void {
    this.#connections.close();
  }

  #authorization(url: URL): Headers {
    const value = userInformation(url) ?? this.#authorize(url);
    return value === undefined ? {} : { Authorization: value };
  }

  async #trust(home: URL, url: URL): Promise<Trust> {
    if (url.hostname === home.hostname) return { insecure: false, referredFrom: undefined };
    const from: Reach = await reachOfHost(bareHost(home)).catch(() => 'public' as const);
    const host = bareHost(url);
    const to = isLoopbackHost(host) ? 'loopback' : isIP(host) === 0 ? undefined : reachOf(host);
    if (to !== undefined && !mayRefer(from, to))
      throw refused(`${redactUrl(home)} redirects to an internal address: ${redactUrl(url)}`);
    return { insecure: false, referredFrom: from };
  }
}

/** The URL as it may be shown, compared and sent in a request line. */
export function withoutCredentials(url: URL): URL {
  const plain = new URL(url);
  plain.username = '';
  plain.password = '';
  plain.hash = '';
  return plain;
}

function userInformation({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(user).toString('base64')}`;
}

/** What another origin may see: conditions on the file besides what every server may. */
function forOthers(headers: Headers): Headers {
  const conditions = Object.entries(headers).filter(([name]) => /^if-/i.test(name));
  return { ...harmlessHeaders(headers), ...Object.fromEntries(conditions) };
}

function redirectOf(from: URL, location: string | undefined): URL {
  if (location === undefined || location.length > 8192 || !URL.canParse(location, from.href))
    throw refused(`${redactUrl(from)} redirects nowhere`);
  const url = new URL(location, from);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw refused(`${redactUrl(from)} redirects to what is not http`);
  if (from.protocol === 'https:' && url.protocol === 'http:')
    throw refused(`${redactUrl(from)} redirects from https to http`);
  return withoutCredentials(url);
}

function refused(message: string): RegistryFailure {
  return new RegistryFailure('context', message);
}

/** Repeatable where the network or the server may recover. */
function fetchFailure(error: unknown, url: URL): TsbuildError {
  const failure = networkFailure(error, 'the download failed', url);
  if (!(failure instanceof RegistryFailure) || failure.code !== 'registry') return failure;
  return new RegistryFailure('context', failure.message, {
    transient: failure.transient,
    cause: failure.cause,
  });
}
