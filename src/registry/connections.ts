/** Keep-alive connections, one pool per origin and kind of trust. node:http is loaded when it is first needed. */
import type { Agent, ClientRequest, RequestOptions } from 'node:http';
import type { Socket } from 'node:net';
import { bareHost, guardedLookup, type Reach } from './addresses.js';
import { proxyAuthorization, proxyFor } from './proxy.js';
import type { CertificateOptions, ProxyOptions } from './types.js';

export interface ConnectionOptions {
  readonly certificates: CertificateOptions | undefined;
  readonly proxy: ProxyOptions | undefined;
  /** Milliseconds until a tunnel through a proxy stands. */
  readonly connectTimeout: number;
}

/** How far a host is trusted. */
export interface Trust {
  /** Do not check the certificate. */
  readonly insecure: boolean;
  /** Network of the server that sent us here; undefined for a host that the user named. */
  readonly referredFrom: Reach | undefined;
}

/** What a request may ask of a connection. */
export interface SendOptions extends RequestOptions {
  readonly headers: Readonly<Record<string, string>>;
}

interface Pool {
  readonly agent: Agent;
  readonly open: (url: URL, options: SendOptions) => ClientRequest;
}

export class Connections {
  readonly #pools = new Map<string, Promise<Pool>>();

  constructor(private readonly options: ConnectionOptions) {}

  /** Begins a request; the caller sends the body and listens. Throws `usage` and `registry` as its parts do. */
  async request(url: URL, trust: Trust, options: SendOptions): Promise<ClientRequest> {
    const key = `${url.origin} ${trust.insecure} ${trust.referredFrom ?? ''}`;
    const known = this.#pools.get(key);
    const pool = known ?? this.#createPool(url, trust);
    if (known === undefined) this.#pools.set(key, pool);
    const { agent, open } = await pool.catch((error: unknown) => {
      this.#pools.delete(key);
      throw error;
    });
    return open(url, { ...options, agent });
  }

  close(): void {
    for (const pool of this.#pools.values()) pool.then(({ agent }) => agent.destroy()).catch(() => undefined);
    this.#pools.clear();
  }

  async #createPool(url: URL, trust: Trust): Promise<Pool> {
    const proxy = proxyFor(url, this.options.proxy);
    const lookup = guardedLookup(proxy === undefined ? trust.referredFrom : undefined);
    const shared = { keepAlive: true, maxFreeSockets: 8, lookup, autoSelectFamily: true };
    if (url.protocol === 'http:') return plainPool(proxy, shared);
    const [{ Agent, request }, { secureContextFor }] = await Promise.all([
      import('node:https'),
      import('./certificates.js'),
    ]);
    const secureContext = await secureContextFor(url.host, this.options.certificates, !trust.insecure);
    const tls = { secureContext, rejectUnauthorized: !trust.insecure, ALPNProtocols: ['http/1.1'] };
    const agent = new Agent({ ...shared, ...tls });
    if (proxy !== undefined)
      await tunnelThrough(agent, { proxy, url, tls, timeout: this.options.connectTimeout });
    return { agent, open: (target, options) => request(target, options) };
  }
}

async function plainPool(proxy: URL | undefined, shared: object): Promise<Pool> {
  const { Agent, request } = await import('node:http');
  const agent = new Agent(shared);
  if (proxy === undefined) return { agent, open: (target, options) => request(target, options) };
  const authorization = proxyAuthorization(proxy);
  return {
    agent,
    open: (target, options) =>
      request(proxy, {
        ...options,
        path: target.href,
        headers: {
          ...options.headers,
          Host: target.host,
          ...(authorization === undefined ? {} : { 'Proxy-Authorization': authorization }),
        },
      }),
  };
}

interface Tunnel {
  readonly proxy: URL;
  readonly url: URL;
  readonly tls: object;
  readonly timeout: number;
}

/** Makes an https agent open its sockets through a proxy's CONNECT. */
async function tunnelThrough(agent: Agent, tunnel: Tunnel): Promise<void> {
  const { connect } = await import('node:tls');
  const host = bareHost(tunnel.url);
  const open = async (): Promise<Socket> => {
    const socket = await connectTunnel(tunnel);
    return connect({ ...tunnel.tls, socket, ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }), host });
  };
  Object.assign(agent, {
    createConnection: (_: unknown, callback: (error: unknown, socket?: Socket) => void): void => {
      open().then(
        (socket) => callback(null, socket),
        (error: unknown) => callback(error),
      );
    },
  });
}

async function connectTunnel({ proxy, url, timeout }: Tunnel): Promise<Socket> {
  const { request } = await import('node:http');
  const authority = `${url.hostname}:${url.port === '' ? '443' : url.port}`;
  const authorization = proxyAuthorization(proxy);
  return new Promise((resolve, reject) => {
    const connecting = request({
      host: bareHost(proxy),
      port: proxy.port === '' ? 80 : Number(proxy.port),
      method: 'CONNECT',
      path: authority,
      agent: false,
      timeout,
      headers: {
        Host: authority,
        ...(authorization === undefined ? {} : { 'Proxy-Authorization': authorization }),
      },
    });
    connecting.once('connect', (response, socket) => {
      if (response.statusCode === 200) resolve(socket);
      else {
        socket.destroy();
        reject(
          Object.assign(new Error(`the proxy answered ${response.statusCode ?? 0}`), {
            code: 'EPROXY',
            status: response.statusCode,
          }),
        );
      }
    });
    const late = Object.assign(new Error('the proxy does not answer'), { code: 'ETIMEDOUT' });
    connecting.once('timeout', () => connecting.destroy(late));
    connecting.once('error', reject);
    connecting.end();
  });
}
