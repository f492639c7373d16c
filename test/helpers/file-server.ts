/** A web server on loopback that answers by script and remembers what it was asked. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface FileServer {
  /** `http://127.0.0.1:port`, or `https:`. */
  readonly origin: string;
  readonly requests: readonly {
    readonly method: string;
    readonly path: string;
    readonly headers: IncomingMessage['headers'];
  }[];
  close(): Promise<void>;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** `routes` by path without query; what is not there is 404. With `tls` (PEM) the server speaks https. */
export async function startFileServer(
  routes: Readonly<Record<string, string | Buffer | Answer>>,
  tls?: { readonly cert: Buffer; readonly key: Buffer },
): Promise<FileServer> {
  const requests: { method: string; path: string; headers: IncomingMessage['headers'] }[] = [];
  const listener: RequestListener = (request, response) => {
    requests.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers });
    const route = routes[(request.url ?? '').replace(/\?.*$/, '')];
    if (route === undefined) response.writeHead(404).end();
    else if (typeof route === 'function') route(request, response);
    else response.writeHead(200, { 'Content-Length': Buffer.byteLength(route) }).end(route);
  };
  const server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
