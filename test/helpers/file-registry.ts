/** Blobs of a registry in files, with flat memory: uploads keep every byte that arrived before a connection broke. */
import { createHash } from 'node:crypto';
import { appendFileSync, createReadStream, existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

export interface FileRegistry {
  /** `127.0.0.1:port`. */
  readonly host: string;
  close(): Promise<void>;
}

/** One repository, `app`; blobs by their hex digits below `folder`. */
export async function startFileRegistry(folder: string): Promise<FileRegistry> {
  const server = createServer((request, response) => {
    serve(request, response, folder).catch(() => request.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(request: IncomingMessage, response: ServerResponse, folder: string): Promise<void> {
  const url = new URL(request.url ?? '', 'http://registry.invalid');
  const upload = /^\/v2\/app\/blobs\/uploads\/(\w*)$/.exec(url.pathname);
  const blob = /^\/v2\/app\/blobs\/sha256:([0-9a-f]{64})$/.exec(url.pathname)?.[1];
  if (url.pathname === '/v2/') return void response.writeHead(200).end();
  if (upload?.[1] === '') return begin(response, folder);
  if (upload?.[1] !== undefined) return proceed({ request, response, url, folder }, upload[1]);
  if (blob !== undefined) return send(request, response, join(folder, blob));
  response.writeHead(404).end();
}

let uploads = 0;

function begin(response: ServerResponse, folder: string): void {
  const id = `u${++uploads}`;
  writeFileSync(join(folder, id), '');
  response.writeHead(202, { Location: `/v2/app/blobs/uploads/${id}` }).end();
}

interface Proceeding {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly folder: string;
}

async function proceed({ request, response, url, folder }: Proceeding, id: string): Promise<void> {
  const path = join(folder, id);
  const state = () => ({
    Location: `/v2/app/blobs/uploads/${id}`,
    Range: `0-${Math.max(0, statSync(path).size - 1)}`,
  });
  if (!existsSync(path)) return void response.writeHead(404).end();
  if (request.method === 'GET') return void response.writeHead(204, state()).end();
  const start = /^(\d+)-/.exec(request.headers['content-range'] ?? '')?.[1];
  if (start !== undefined && Number(start) !== statSync(path).size)
    return void response.writeHead(416, state()).end();
  for await (const chunk of request as AsyncIterable<Buffer>) appendFileSync(path, chunk);
  if (request.method === 'PATCH') return void response.writeHead(202, state()).end();
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const digest = hash.digest('hex');
  if (url.searchParams.get('digest') !== `sha256:${digest}`) return void response.writeHead(400).end();
  renameSync(path, join(folder, digest));
  response.writeHead(201, { 'Docker-Content-Digest': `sha256:${digest}` }).end();
}

async function send(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
  if (!existsSync(path)) return void response.writeHead(404).end();
  const { size } = statSync(path);
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const headers = {
    'Content-Length': size - start,
    ...(start === 0 ? {} : { 'Content-Range': `bytes ${start}-${size - 1}/${size}` }),
  };
  response.writeHead(start === 0 ? 200 : 206, headers);
  if (request.method === 'HEAD') return void response.end();
  await pipeline(createReadStream(path, { start }), response);
}
