/** The distribution API over maps, as pure as a state machine can be: one request in, one answer out. */
import type { IncomingHttpHeaders } from 'node:http';
import { digestOf } from '../../src/oci/digest.js';

export interface ApiRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

interface Upload {
  readonly repository: string;
  bytes: Buffer;
}

export class MemoryRegistry {
  /** By `repository@digest`. */
  readonly blobs = new Map<string, Buffer>();
  /** By `repository:tag` and `repository@digest`. */
  readonly manifests = new Map<string, { readonly mediaType: string; readonly bytes: Buffer }>();
  readonly uploads = new Map<string, Upload>();
  #count = 0;

  addBlob(repository: string, bytes: Buffer): void {
    this.blobs.set(`${repository}@${digestOf(bytes)}`, bytes);
  }

  addManifest(
    repository: string,
    reference: string,
    { mediaType, bytes }: { mediaType: string; bytes: Uint8Array },
  ): void {
    const stored = { mediaType, bytes: Buffer.from(bytes) };
    this.manifests.set(`${repository}@${digestOf(bytes)}`, stored);
    this.manifests.set(`${repository}${reference.includes(':') ? '@' : ':'}${reference}`, stored);
  }

  answer(request: ApiRequest): ApiAnswer {
    const { pathname } = request.url;
    if (pathname === '/v2/') return answer(200);
    const match = /^\/v2\/(.+?)\/(manifests|blobs\/uploads|blobs|tags)\/([^/]*)$/.exec(pathname);
    const [, repository = '', kind, name = ''] = match ?? [];
    if (kind === 'manifests') return this.#manifest(request, repository, name);
    if (kind === 'blobs') return this.#blob(request, `${repository}@${name}`);
    if (kind === 'blobs/uploads')
      return name === '' ? this.#start(request, repository) : this.#upload(request, repository, name);
    if (kind === 'tags') return this.#tags(repository);
    return failure(404, 'NAME_UNKNOWN');
  }

  #manifest(request: ApiRequest, repository: string, reference: string): ApiAnswer {
    if (request.method === 'PUT') {
      const mediaType = request.headers['content-type'] ?? '';
      this.addManifest(repository, reference, { mediaType, bytes: request.body });
      return answer(201, { 'Docker-Content-Digest': digestOf(request.body) });
    }
    const found = this.manifests.get(`${repository}${reference.includes(':') ? '@' : ':'}${reference}`);
    if (found === undefined) return failure(404, 'MANIFEST_UNKNOWN');
    return answer(
      200,
      { 'Content-Type': found.mediaType, 'Docker-Content-Digest': digestOf(found.bytes) },
      found.bytes,
    );
  }

  #blob(request: ApiRequest, key: string): ApiAnswer {
    const bytes = this.blobs.get(key);
    if (bytes === undefined) return failure(404, 'BLOB_UNKNOWN');
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
    if (range === null) return answer(200, {}, bytes);
    const start = Number(range[1]);
    if (start >= bytes.length) return failure(416, 'RANGE_INVALID');
    return answer(
      206,
      { 'Content-Range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` },
      bytes.subarray(start),
    );
  }

  #start({ method, url }: ApiRequest, repository: string): ApiAnswer {
    if (method !== 'POST') return failure(405, 'UNSUPPORTED');
    const [mount, from] = [url.searchParams.get('mount'), url.searchParams.get('from')];
    const mounted = mount === null || from === null ? undefined : this.blobs.get(`${from}@${mount}`);
    if (mounted !== undefined) {
      this.addBlob(repository, mounted);
      return answer(201, { Location: `/v2/${repository}/blobs/${mount ?? ''}` });
    }
    const id = `u${++this.#count}`;
    this.uploads.set(id, { repository, bytes: Buffer.alloc(0) });
    return answer(202, { Location: uploadLocation(repository, id), Range: '0-0' });
  }

  #upload(request: ApiRequest, repository: string, id: string): ApiAnswer {
    const upload = this.uploads.get(id);
    if (upload === undefined) return failure(404, 'BLOB_UPLOAD_UNKNOWN');
    const state = () => ({
      Location: uploadLocation(repository, id),
      Range: `0-${Math.max(0, upload.bytes.length - 1)}`,
    });
    const range = /^(\d+)-(\d+)$/.exec(request.headers['content-range'] ?? '');
    if (range !== null && Number(range[1]) !== upload.bytes.length)
      return { ...failure(416, 'RANGE_INVALID'), headers: state() };
    if (request.method === 'GET') return answer(204, state());
    if (request.method === 'DELETE')
      return this.uploads.delete(id) ? answer(204) : failure(404, 'BLOB_UPLOAD_UNKNOWN');
    upload.bytes = Buffer.concat([upload.bytes, request.body]);
    if (request.method === 'PATCH') return answer(202, state());
    const digest = request.url.searchParams.get('digest') ?? '';
    this.uploads.delete(id);
    if (digestOf(upload.bytes) !== digest) return failure(400, 'DIGEST_INVALID');
    this.addBlob(repository, upload.bytes);
    return answer(201, { 'Docker-Content-Digest': digest });
  }

  #tags(repository: string): ApiAnswer {
    const prefix = `${repository}:`;
    const tags = [...this.manifests.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length));
    return answer(
      200,
      { 'Content-Type': 'application/json' },
      Buffer.from(JSON.stringify({ name: repository, tags })),
    );
  }
}

function uploadLocation(repository: string, id: string): string {
  return `/v2/${repository}/blobs/uploads/${id}?state=a%2Fb%3D`;
}

export function answer(
  status: number,
  headers: Record<string, string> = {},
  body: Buffer = Buffer.alloc(0),
): ApiAnswer {
  return { status, headers, body };
}

export function failure(status: number, code: string, message = 'scripted'): ApiAnswer {
  const body = Buffer.from(JSON.stringify({ errors: [{ code, message }] }));
  return answer(status, { 'Content-Type': 'application/json' }, body);
}
