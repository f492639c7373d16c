/** Where a registry's API is. */
import { bareHost, isLoopbackHost } from './addresses.js';
import { discardBody, exchange, type Exchanger } from './exchange.js';
import { isInNetwork } from './proxy.js';
import { errnoCode } from '../util/errors.js';

export interface Endpoint {
  /** As in a Reference. */
  readonly registry: string;
  /** `https://host[:port]` or `http://…`. */
  readonly base: URL;
  readonly insecure: boolean;
}

/** Errors of a connection, rather than of certificates, with which a handshake with no TLS server can end. */
const noHandshake = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ESTALLED']);

/** Finds and remembers the endpoints of one client. */
export class Endpoints {
  readonly #known = new Map<string, Promise<Endpoint>>();

  constructor(
    private readonly exchanger: Exchanger,
    private readonly insecureRegistries: readonly string[],
  ) {}

  /**
   * https, always; only loopback and registries that were named as insecure are tried with plain http, when they do
   * not speak TLS. The trial carries no credentials.
   */
  of(registry: string, signal: AbortSignal): Promise<Endpoint> {
    const known = this.#known.get(registry);
    if (known !== undefined) return known;
    const endpoint = this.#find(registry, signal);
    this.#known.set(registry, endpoint);
    endpoint.catch(() => this.#known.delete(registry));
    return endpoint;
  }

  /** Whether a host was named as one whose certificate is not to be checked. */
  isInsecure(url: URL): boolean {
    const host = bareHost(url);
    return this.insecureRegistries.some(
      (entry) =>
        entry === '*' ||
        entry.toLowerCase() === url.host ||
        (entry.startsWith('*.') && host.endsWith(entry.slice(1).toLowerCase())) ||
        (entry.includes('/') && isInNetwork(host, entry)),
    );
  }

  async #find(registry: string, signal: AbortSignal): Promise<Endpoint> {
    const secure = new URL(`https://${registry === 'docker.io' ? 'registry-1.docker.io' : registry}`);
    const insecure = this.isInsecure(secure);
    const endpoint = { registry, base: secure, insecure };
    if (!insecure && !isLoopbackHost(bareHost(secure))) return endpoint;
    const plain = { ...endpoint, base: new URL(`http://${registry}`) };
    try {
      const url = new URL('/v2/', secure);
      // Only whether it speaks TLS is asked: reading the authorities for that would take longer than the rest.
      const trust = { insecure: true, referredFrom: undefined };
      const response = await exchange(this.exchanger, { method: 'GET', url, headers: {} }, { trust, signal });
      await discardBody(response, this.exchanger.timeouts);
      return endpoint;
    } catch (error) {
      if (signal.aborted) throw error;
      return speaksTls(error) ? endpoint : plain;
    }
  }
}

/** OpenSSL's words for an answer that is no TLS record: newer versions of Node make codes of them. */
const noRecord = /wrong.version.number|packet.length.too.long|http.request/i;

function speaksTls(error: unknown): boolean {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code = errnoCode(first) ?? '';
  return !noHandshake.has(code) && !noRecord.test(`${code} ${first instanceof Error ? first.message : ''}`);
}
