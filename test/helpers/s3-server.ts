/** A small S3 on loopback: objects, lists in pages of three, multipart uploads; every signature is checked. */
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export const s3Credentials = { accessKeyId: 'AKIDTEST', secretAccessKey: 'a/secret+key' } as const;

export interface S3Server {
  readonly endpoint: string;
  /** By key, of all buckets: `bucket/key`. */
  readonly objects: Map<string, Buffer>;
  /** `GET /bucket/key`. */
  readonly seen: readonly string[];
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function startS3(): Promise<S3Server> {
  const objects = new Map<string, Buffer>();
  const uploads = new Map<string, Map<number, Buffer>>();
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://s3.invalid');
      seen.push(`${request.method ?? ''} ${url.pathname}`);
      const body = Buffer.concat(chunks);
      const {
        status,
        body: text = '',
        headers = {},
      } = isSigned(request, url)
        ? answer({ method: request.method ?? '', url, body }, { objects, uploads })
        : failed(403, 'SignatureDoesNotMatch');
      response.writeHead(status, { 'Content-Length': String(Buffer.byteLength(text)), ...headers });
      response.end(request.method === 'HEAD' ? undefined : text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${port}`, objects, seen, close: () => close(server) };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

interface Call {
  readonly method: string;
  readonly url: URL;
  readonly body: Buffer;
}

interface State {
  readonly objects: Map<string, Buffer>;
  readonly uploads: Map<string, Map<number, Buffer>>;
}

function answer({ method, url, body }: Call, { objects, uploads }: State): Answer {
  const key = decodeURIComponent(url.pathname.slice(1));
  const query = url.searchParams;
  if (method === 'GET' && query.get('list-type') === '2') return list(key, query, objects);
  const upload = uploads.get(query.get('uploadId') ?? '');
  if (method === 'POST' && query.has('uploads')) {
    const id = `${randomUUID()}&<`;
    uploads.set(id, new Map());
    return { status: 200, body: `<Result><UploadId>${escaped(id)}</UploadId></Result>` };
  }
  if (method === 'POST' && upload !== undefined) {
    const parts = [...upload].sort(([a], [b]) => a - b).map(([, part]) => part);
    // all parts but the last have at least 5 MiB
    if (parts.slice(0, -1).some((part) => part.length < 5 * 2 ** 20)) return failed(400, 'EntityTooSmall');
    objects.set(key, Buffer.concat(parts));
    return { status: 200, body: '<CompleteMultipartUploadResult/>' };
  }
  if (method === 'PUT' && upload !== undefined) {
    upload.set(Number(query.get('partNumber')), body);
    return { status: 200, headers: { ETag: `"${query.get('partNumber') ?? ''}"` } };
  }
  if (method === 'PUT') {
    objects.set(key, body);
    return { status: 200 };
  }
  if (method === 'DELETE') return { status: 204 };
  const found = objects.get(key);
  return found === undefined ? failed(404, 'NoSuchKey') : { status: 200, body: found };
}

function list(bucket: string, query: URLSearchParams, objects: ReadonlyMap<string, Buffer>): Answer {
  const start = bucket.endsWith('/') ? bucket : `${bucket}/`;
  const prefix = start + (query.get('prefix') ?? '');
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort((a, b) => (a < b ? -1 : 1));
  const from = Number(query.get('continuation-token') ?? 0);
  const page = keys.slice(from, from + 3);
  const next = from + 3 < keys.length ? `<NextContinuationToken>${from + 3}</NextContinuationToken>` : '';
  const contents = page.map((key) => `<Contents><Key>${escaped(key.slice(start.length))}</Key></Contents>`);
  return { status: 200, body: `<ListBucketResult>${contents.join('')}${next}</ListBucketResult>` };
}

function failed(status: number, code: string): Answer {
  return { status, body: `<Error><Code>${code}</Code></Error>` };
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/** AWS Signature Version 4 in the Authorization header. */
function isSigned({ method, headers }: IncomingMessage, url: URL): boolean {
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d+)\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=(\w+)$/;
  const [, id, date = '', region = '', names = '', signature] =
    pattern.exec(headers.authorization ?? '') ?? [];
  if (id !== s3Credentials.accessKeyId) return false;
  const query = [...url.searchParams]
    .map((pair) => pair.map(uriEncoded).join('='))
    .sort((a, b) => (a < b ? -1 : 1));
  const canonical = [
    method,
    url.pathname,
    query.join('&'),
    ...names.split(';').map((name) => `${name}:${String(headers[name] ?? '')}`),
    '',
    names,
    headers['x-amz-content-sha256'],
  ].join('\n');
  const scope = `${date}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const key = [date, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    `AWS4${s3Credentials.secretAccessKey}`,
  );
  return createHmac('sha256', key).update(text).digest('hex') === signature;
}

function uriEncoded(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
