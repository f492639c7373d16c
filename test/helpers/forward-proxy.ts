/** An HTTP proxy (CONNECT and absolute URLs) that takes every host for this machine. */
import { createServer, request as send, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

export interface ForwardProxy {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** What it was asked for: `CONNECT host:port` or `GET http://…`, and the Proxy-Authorization. */
  readonly asked: readonly {
    readonly what: string;
    readonly authorization: string | undefined;
    readonly headers: IncomingMessage['headers'];
  }[];
  close(): Promise<void>;
}

export interface ForwardProxyOptions {
  /** Port on this machine that is meant by any host. */
  readonly port: number;
  /** Refuses CONNECT with that. */
  readonly status?: number;
}

export async function startForwardProxy({ port, status }: ForwardProxyOptions): Promise<ForwardProxy> {
  const asked: { what: string; authorization: string | undefined; headers: IncomingMessage['headers'] }[] =
    [];
  const open = new Set<Socket>();
  const note = ({ method, url, headers }: IncomingMessage): void =>
    void asked.push({ what: `${method} ${url}`, authorization: headers['proxy-authorization'], headers });
  const server = createServer((incoming, outgoing) => {
    note(incoming);
    const { pathname, search } = new URL(incoming.url ?? '/', 'http://x');
    const onward = send(
      {
        host: '127.0.0.1',
        port,
        method: incoming.method,
        path: pathname + search,
        headers: incoming.headers,
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  server.on('connection', (socket: Socket) => void open.add(socket));
  server.on('connect', (incoming, socket: Socket) => {
    note(incoming);
    if (status !== undefined) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const upstream = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(upstream).pipe(socket);
    });
    open.add(upstream);
    for (const end of [socket, upstream]) end.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${address.port}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
