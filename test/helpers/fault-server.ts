/** A registry on loopback that fails by script, and remembers what it was sent. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ServerOptions } from 'node:https';
import { failure, MemoryRegistry, type ApiAnswer, type ApiRequest } from './memory-registry.js';

/** What happens instead of, or to, the right answer. */
export type Fault =
  | { readonly kind: 'answer'; readonly answer: ApiAnswer | ((request: ApiRequest) => ApiAnswer) }
  /** Adds headers to the right answer; an empty value removes one. */
  | { readonly kind: 'headers'; readonly headers: Readonly<Record<string, string>> }
  /** The same before the request's body is read, which never happens. */
  | { readonly kind: 'early'; readonly answer: ApiAnswer }
  /** The request takes effect, then the connection is reset. */
  | { readonly kind: 'lose-answer' }
  /** Reset once so many bytes of the request's body came; `keep`: the upload retains them. */
  | { readonly kind: 'reset'; readonly after: number; readonly keep?: boolean }
  /** The right answer, reset after so many bytes of its body. */
  | { readonly kind: 'cut'; readonly after: number }
  /** The right answer with another body; its length is announced unless `unannounced`. */
  | { readonly kind: 'body'; readonly change: (body: Buffer) => Buffer; readonly unannounced?: boolean }
  /** Nothing more comes after so many bytes of the body; without the head if undefined. */
  | { readonly kind: 'stall'; readonly after?: number }
  | { readonly kind: 'endless' }
  /** One byte at a time. */
  | { readonly kind: 'drip' }
  /** Bytes in place of an HTTP answer. */
  | { readonly kind: 'raw'; readonly bytes: string };

export interface Rule {
  readonly method?: string;
  readonly path?: RegExp;
  /** Which of the matching requests, from 1; all of them when undefined. */
  readonly nth?: readonly number[];
  readonly fault: Fault;
}

export interface Seen {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** Bytes of the body that arrived. */
  received: number;
  /** Bytes of the answer's body that were sent. */
  sent: number;
}

export interface FaultServerOptions {
  readonly rules?: readonly Rule[];
  readonly tls?: ServerOptions;
  /** Decides before the registry does; undefined: the registry answers. */
  readonly before?: (request: ApiRequest) => ApiAnswer | undefined;
}

export interface FaultServer {
  /** `127.0.0.1:port`. */
  readonly host: string;
  readonly port: number;
  readonly origin: string;
  readonly registry: MemoryRegistry;
  readonly seen: readonly Seen[];
  /** Requests by method and path. */
  requests(method?: string, path?: RegExp): readonly Seen[];
  close(): Promise<void>;
}

export async function startFaultServer(options: FaultServerOptions = {}): Promise<FaultServer> {
  const registry = new MemoryRegistry();
  const seen: Seen[] = [];
  const counts = new Map<Rule, number>();
  const listener: RequestListener = (request, response) => {
    const entry = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      received: 0,
      sent: 0,
    };
    seen.push(entry);
    const fault = chooseFault(options.rules ?? [], entry, counts);
    serve({ request, response, entry, registry, fault, before: options.before }).catch(() =>
      request.destroy(),
    );
  };
  const server =
    options.tls === undefined ? createServer(listener) : createSecureServer(options.tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  return {
    host,
    port,
    origin: `${options.tls === undefined ? 'http' : 'https'}://${host}`,
    registry,
    seen,
    requests: (method, path) =>
      seen.filter(
        (entry) =>
          (method === undefined || entry.method === method) && (path === undefined || path.test(entry.path)),
      ),
    close: () => close(server),
  };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function chooseFault(
  rules: readonly Rule[],
  { method, path }: Seen,
  counts: Map<Rule, number>,
): Fault | undefined {
  let chosen: Fault | undefined;
  for (const rule of rules) {
    if (rule.method !== undefined && rule.method !== method) continue;
    if (rule.path !== undefined && !rule.path.test(path)) continue;
    const count = (counts.get(rule) ?? 0) + 1;
    counts.set(rule, count);
    if (rule.nth === undefined || rule.nth.includes(count)) chosen ??= rule.fault;
  }
  return chosen;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly entry: Seen;
  readonly registry: MemoryRegistry;
  readonly fault: Fault | undefined;
  readonly before: FaultServerOptions['before'];
}

async function serve(exchange: Exchange): Promise<void> {
  const { request, response, entry, registry, fault, before } = exchange;
  const { socket } = request; // gone from a request that was not read whole
  if (fault?.kind === 'stall' && fault.after === undefined) return;
  if (fault?.kind === 'raw') return void socket.end(fault.bytes);
  if (fault?.kind === 'early') return send(response, { entry, right: fault.answer, fault });
  const body = await readBody(exchange);
  const url = new URL(entry.path, 'http://registry.invalid');
  const api: ApiRequest = { method: entry.method, url, headers: request.headers, body };
  if (fault?.kind === 'reset') {
    if (fault.keep === true)
      registry.answer({ ...api, method: 'PATCH', body: body.subarray(0, fault.after) });
    socket.resetAndDestroy();
    return;
  }
  const right =
    fault?.kind === 'answer' ? scripted(fault.answer, api) : (before?.(api) ?? registry.answer(api));
  if (fault?.kind === 'lose-answer') return void socket.resetAndDestroy();
  send(response, { entry, right, fault });
}

function scripted(answer: ApiAnswer | ((request: ApiRequest) => ApiAnswer), request: ApiRequest): ApiAnswer {
  return typeof answer === 'function' ? answer(request) : answer;
}

async function readBody({ request, entry, fault }: Exchange): Promise<Buffer> {
  const chunks: Buffer[] = [];
  if (fault?.kind === 'reset' && fault.after === 0) return Buffer.alloc(0);
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    entry.received += chunk.length;
    if (fault?.kind === 'reset' && entry.received >= fault.after) break;
  }
  return Buffer.concat(chunks);
}

function send(
  response: ServerResponse,
  { entry, right, fault }: { entry: Seen; right: ApiAnswer; fault: Fault | undefined },
): void {
  const body = fault?.kind === 'body' ? fault.change(right.body) : right.body;
  const announced =
    fault?.kind === 'endless' || (fault?.kind === 'body' && fault.unannounced === true)
      ? {}
      : { 'Content-Length': String(body.length) };
  const headers = { ...announced, ...right.headers, ...(fault?.kind === 'headers' ? fault.headers : {}) };
  for (const [name, value] of Object.entries(headers)) if (value !== '') response.setHeader(name, value);
  response.writeHead(right.status);
  const cut = fault?.kind === 'cut' || fault?.kind === 'stall' ? fault.after : undefined;
  const sent = entry.method === 'HEAD' ? Buffer.alloc(0) : body.subarray(0, cut);
  entry.sent = sent.length;
  if (fault?.kind === 'endless') return sendEndlessly(response);
  if (fault?.kind === 'drip') return drip(response, sent);
  if (cut === undefined) return void response.end(sent);
  response.write(sent.length === 0 ? '' : sent, () => {
    if (fault?.kind === 'cut') setImmediate(() => response.socket?.end());
  });
  response.flushHeaders();
}

function sendEndlessly(response: ServerResponse): void {
  const block = Buffer.alloc(65536, 120);
  const more = (): void => {
    if (!response.destroyed) response.write(block, () => setImmediate(more));
  };
  more();
}

function drip(response: ServerResponse, body: Buffer): void {
  let at = 0;
  const timer = setInterval(() => {
    if (response.destroyed || at >= body.length) clearInterval(timer);
    else response.write(body.subarray(at, ++at));
  }, 5);
}

/** Faults by name. */
export const faults = {
  status: (status: number, code = 'SCRIPTED', headers: Record<string, string> = {}): Fault => {
    const right = failure(status, code);
    return { kind: 'answer', answer: { ...right, headers: { ...right.headers, ...headers } } };
  },
  redirect: (location: string, status = 307): Fault => ({
    kind: 'answer',
    answer: { status, headers: { Location: location }, body: Buffer.alloc(0) },
  }),
} as const;
