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

/** Errors of a handshake with a server that speaks plain http, or of a port that nobody listens on. */
const notTls = new Set([
  'EPROTO',
  'ECONNREFUSED',
  'ECONNRESET',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
]);

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
      const trust = { insecure, referredFrom: undefined };
      const response = await exchange(this.exchanger, { method: 'GET', url, headers: {} }, { trust, signal });
      await discardBody(response, this.exchanger.timeouts);
      return endpoint;
    } catch (error) {
      if (signal.aborted) throw error;
      return notTls.has(handshakeCode(error)) ? plain : endpoint;
    }
  }
}

function handshakeCode(error: unknown): string {
  return errnoCode(error instanceof AggregateError ? error.errors[0] : error) ?? '';
}
