/** A TCP proxy that resets connections once so many bytes went through. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface CuttingProxy {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** Bytes that went towards the server. */
  readonly sent: () => number;
  /** Bytes that came from the server. */
  readonly received: () => number;
  close(): Promise<void>;
}

export interface Cuts {
  /** Bytes towards the server after which its connections are reset, in turn; afterwards nothing is cut. */
  readonly sending?: readonly number[];
  /** The same for bytes from the server. */
  readonly receiving?: readonly number[];
}

/** Small requests pass: only connections that carry at least that much are cut, and only they use up a cut. */
export async function startCuttingProxy(target: string, cuts: Cuts): Promise<CuttingProxy> {
  const sending = [...(cuts.sending ?? [])];
  const receiving = [...(cuts.receiving ?? [])];
  const open = new Set<Socket>();
  let sent = 0;
  let received = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(target.split(':')[1]), '127.0.0.1');
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => undefined).once('close', () => open.delete(socket));
    }
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => client.destroy());
    const cut = (): void => {
      upstream.destroy();
      client.resetAndDestroy();
    };
    forward(client, upstream, { limits: sending, cut, count: (bytes) => (sent += bytes) });
    forward(upstream, client, { limits: receiving, cut, count: (bytes) => (received += bytes) });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    sent: () => sent,
    received: () => received,
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

interface Forwarding {
  readonly limits: number[];
  readonly cut: () => void;
  readonly count: (bytes: number) => void;
}

function forward(from: Socket, to: Socket, { limits, cut, count }: Forwarding): void {
  let passed = 0;
  from.on('data', (chunk) => {
    const [limit] = limits;
    passed += chunk.length;
    count(chunk.length);
    if (limit !== undefined && passed >= limit) {
      limits.shift();
      to.write(chunk.subarray(0, Math.max(0, chunk.length - (passed - limit))), () => setTimeout(cut, 20));
      from.pause();
    } else if (!to.write(chunk)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  });
}
