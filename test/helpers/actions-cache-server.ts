/** The cache service of GitHub Actions (version 2) on loopback: immutable entries, found by key or prefix. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const actionsToken = 'token-of-the-job';

export interface ActionsCache {
  /** ACTIONS_RESULTS_URL. */
  readonly url: string;
  /** Finished entries by key. */
  readonly entries: Map<string, Buffer>;
  close(): Promise<void>;
}

export async function startActionsCache(): Promise<ActionsCache> {
  const service = new Service();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => service.answer(request, response, Buffer.concat(chunks)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  service.url = `http://127.0.0.1:${port}/`;
  return { url: service.url, entries: service.entries, close: () => close(server) };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

class Service {
  url = '';
  /** In the order of their making. */
  readonly entries = new Map<string, Buffer>();
  /** Entries that are being written. */
  readonly #begun = new Map<string, string>();
  readonly #uploads = new Map<string, { whole: Buffer | undefined; readonly blocks: Map<string, Buffer> }>();

  answer(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const url = new URL(request.url ?? '/', this.url);
    const send = (status: number, answer: unknown): void => {
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(answer));
    };
    const [, method] =
      /^\/twirp\/github\.actions\.results\.api\.v1\.CacheService\/(\w+)$/.exec(url.pathname) ?? [];
    if (method === undefined) return this.#blob(url, { request, response, body });
    if (request.headers.authorization !== `Bearer ${actionsToken}`)
      return send(401, { code: 'unauthenticated' });
    const call = JSON.parse(body.toString()) as { key: string; restore_keys?: string[]; size_bytes?: string };
    switch (method) {
      case 'GetCacheEntryDownloadURL':
        return send(200, this.#find([call.key, ...(call.restore_keys ?? [])]));
      case 'CreateCacheEntry':
        return this.#create(call.key, send);
      default:
        return this.#finish(call.key, Number(call.size_bytes), send);
    }
  }

  #find(keys: readonly string[]): object {
    const made = [...this.entries.keys()].reverse();
    const found = keys
      .map((key) => made.find((name) => name === key) ?? made.find((name) => name.startsWith(key)))
      .find((name) => name !== undefined);
    return found === undefined
      ? { ok: false }
      : { ok: true, signed_download_url: `${this.url}download/${found}?sig=x`, matched_key: found };
  }

  #create(key: string, send: (status: number, answer: unknown) => void): void {
    if (this.entries.has(key) || this.#begun.has(key)) return send(409, { code: 'already_exists' });
    const id = randomUUID();
    this.#begun.set(key, id);
    this.#uploads.set(id, { whole: undefined, blocks: new Map() });
    send(200, { ok: true, signed_upload_url: `${this.url}upload/${id}?sig=x` });
  }

  #finish(key: string, size: number, send: (status: number, answer: unknown) => void): void {
    const whole = this.#uploads.get(this.#begun.get(key) ?? '')?.whole;
    if (whole?.length !== size) return send(400, { code: 'invalid_argument' });
    this.#begun.delete(key);
    this.entries.set(key, whole);
    send(200, { ok: true, entry_id: '1' });
  }

  #blob(
    url: URL,
    {
      request,
      response,
      body,
    }: { readonly request: IncomingMessage; readonly response: ServerResponse; readonly body: Buffer },
  ): void {
    const [, kind, name = ''] = url.pathname.split('/');
    const upload = this.#uploads.get(name);
    const entry = this.entries.get(name);
    // A signed URL carries its own proof; a token of the job must not be sent along.
    if (request.headers.authorization !== undefined) response.writeHead(403).end();
    else if (kind === 'download' && entry !== undefined) response.end(entry);
    else if (upload === undefined) response.writeHead(404).end();
    else {
      const step = url.searchParams.get('comp');
      if (step === 'block') upload.blocks.set(url.searchParams.get('blockid') ?? '', body);
      else if (step === 'blocklist') {
        const ids = [...body.toString().matchAll(/<Latest>([^<]*)</g)].map(([, id = '']) => id);
        upload.whole = Buffer.concat(ids.map((id) => upload.blocks.get(id) ?? Buffer.alloc(0)));
      } else if (request.headers['x-ms-blob-type'] === 'BlockBlob') upload.whole = body;
      response.writeHead(201).end();
    }
  }
}
