import { AwsClient } from 'aws4fetch';
import type { RemoteBlob } from '../../layers/layer.js';
import { hexOf, type Digest } from '../../oci/digest.js';
import { maxDocumentSize } from '../../oci/strict-json.js';
import type { Descriptor } from '../../oci/types.js';
import type { Job } from '../../progress/event.js';
import { TsbuildError } from '../../util/errors.js';
import { httpFailure, noAnswer } from './http-failure.js';
import type { CachePlace } from './options.js';
import type { ArtifactHost, OutgoingBlob } from './storage.js';
import { verified } from './verified-stream.js';

type S3Place = Extract<CachePlace, { type: 's3' }>;

/** Bytes of one part of a large object: S3 takes 5 MiB to 5 GiB, and 10,000 of them. */
const partSize = 32 * 1024 * 1024;
/** Pages of a list of at most 1000 names. */
const maxPages = 1000;

/** A bucket of an S3-compatible server as the place of a cache: `blobs/sha256/<hex>` and `manifests/<tag>`. */
export class S3Host implements ArtifactHost {
  readonly name: string;
  readonly #client: AwsClient;
  readonly #base: string;

  /** `env` has the variables of the AWS tools. Throws `usage` without credentials. */
  constructor(
    private readonly place: S3Place,
    env: Readonly<Record<string, string | undefined>>,
    private readonly job: Job,
  ) {
    const region = place.region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? 'us-east-1';
    this.#client = new AwsClient({ ...credentialsOf(place, env), service: 's3', region, retries: 5 });
    const endpoint = place.endpoint ?? env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'];
    this.#base = baseUrl(place, endpoint, region);
    this.name = `${this.#base}${place.manifests}${place.name}`;
  }

  async *open(blob: Descriptor): AsyncGenerator<Uint8Array> {
    const what = `cannot fetch the blob ${blob.digest} of ${this.name}`;
    const response = await this.#send(what, this.#blobKey(blob.digest));
    if (!response.ok || response.body === null) throw await httpFailure(what, response);
    yield* verified(this.#chunks(what, response.body), blob);
  }

  async put(blob: OutgoingBlob): Promise<void> {
    const { digest, size } = blob.descriptor;
    if ((await this.#sizeOf(digest)) === size) return;
    if (size > partSize) return this.#putParts(blob);
    const chunks: Uint8Array[] = [];
    for await (const chunk of blob.open()) chunks.push(chunk);
    await this.#putObject(this.#blobKey(digest), Buffer.concat(chunks));
  }

  locate(descriptor: Descriptor): RemoteBlob {
    return { descriptor, cache: this.name };
  }

  async has(digest: Digest): Promise<boolean> {
    return (await this.#sizeOf(digest)) !== undefined;
  }

  async manifest(tag: string): Promise<Uint8Array | undefined> {
    const what = `cannot fetch the manifest ${tag} of ${this.name}`;
    const response = await this.#send(what, this.#manifestKey(tag));
    if (response.status === 404) return undefined;
    if (!response.ok || response.body === null) throw await httpFailure(what, response);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.#chunks(what, response.body)) {
      size += chunk.length;
      if (size > maxDocumentSize)
        throw new TsbuildError('image', `${what}: it is larger than ${maxDocumentSize} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  async tags(prefix: string): Promise<readonly string[]> {
    const what = `cannot list ${this.name}`;
    const start = this.#manifestKey('');
    const tags: string[] = [];
    let next: string | undefined;
    for (let page = 0; page < maxPages; page++) {
      const query = new URLSearchParams({ 'list-type': '2', prefix: start + prefix });
      if (next !== undefined) query.set('continuation-token', next);
      const response = await this.#send(what, `?${query.toString()}`);
      if (!response.ok) throw await httpFailure(what, response);
      const text = await response.text();
      for (const key of members(text, 'Key')) if (key.startsWith(start)) tags.push(key.slice(start.length));
      [next] = members(text, 'NextContinuationToken');
      if (next === undefined) return tags;
    }
    return tags;
  }

  async putManifest(tag: string, bytes: Uint8Array): Promise<void> {
    await this.#putObject(this.#manifestKey(tag), Buffer.from(bytes));
  }

  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }

  /** As in a registry, another build may have written a head meanwhile that does not cover them. */
  forget(): Promise<void> {
    return Promise.resolve();
  }

  async #sizeOf(digest: Digest): Promise<number | undefined> {
    const what = `cannot look for the blob ${digest} in ${this.name}`;
    const response = await this.#send(what, this.#blobKey(digest), { method: 'HEAD' });
    if (response.status === 404) return undefined;
    if (!response.ok) throw await httpFailure(what, response);
    return Number(response.headers.get('content-length'));
  }

  async #putObject(key: string, body: Buffer): Promise<void> {
    const what = `cannot write ${key} of ${this.name}`;
    const response = await this.#send(what, key, { method: 'PUT', body });
    if (!response.ok) throw await httpFailure(what, response);
    await response.arrayBuffer();
  }

  /** AmazonS3 API, CreateMultipartUpload, UploadPart and CompleteMultipartUpload. */
  async #putParts(blob: OutgoingBlob): Promise<void> {
    const key = this.#blobKey(blob.descriptor.digest);
    const what = `cannot write ${key} of ${this.name}`;
    const begun = await this.#send(what, `${key}?uploads=`, { method: 'POST' });
    const [id] = begun.ok ? members(await begun.text(), 'UploadId') : [];
    if (id === undefined) throw await httpFailure(what, begun);
    const upload = `uploadId=${encodeURIComponent(id)}`;
    try {
      const etags: string[] = [];
      for await (const part of inParts(blob.open())) {
        const target = `${key}?partNumber=${etags.length + 1}&${upload}`;
        const response = await this.#send(what, target, { method: 'PUT', body: part });
        if (!response.ok) throw await httpFailure(what, response);
        etags.push(response.headers.get('etag') ?? '');
      }
      const parts = etags.map(
        (tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${tag}</ETag></Part>`,
      );
      const body = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`;
      const ended = await this.#send(what, `${key}?${upload}`, { method: 'POST', body });
      // Success is announced before the work is done: the body may be an error.
      const answer = await ended.text();
      if (!ended.ok || answer.includes('<Error>'))
        throw await httpFailure(what, new Response(answer, { status: ended.ok ? 500 : ended.status }));
    } catch (error) {
      await this.#send(what, `${key}?${upload}`, { method: 'DELETE' }).catch(() => undefined);
      throw error;
    }
  }

  async #send(what: string, target: string, init: RequestInit = {}): Promise<Response> {
    const { signal } = this.job;
    try {
      return await this.#client.fetch(`${this.#base}${target}`, { ...init, signal });
    } catch (error) {
      throw noAnswer(what, error, signal);
    }
  }

  async *#chunks(what: string, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } catch (error) {
      throw noAnswer(what, error, this.job.signal);
    }
  }

  #blobKey(digest: Digest): string {
    return `${this.place.blobs}sha256/${hexOf(digest)}`;
  }

  #manifestKey(tag: string): string {
    return `${this.place.manifests}${tag}`;
  }
}

function credentialsOf(
  { credentials }: S3Place,
  env: Readonly<Record<string, string | undefined>>,
): { accessKeyId: string; secretAccessKey: string; sessionToken?: string } {
  const accessKeyId = credentials?.accessKeyId ?? env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = credentials?.secretAccessKey ?? env['AWS_SECRET_ACCESS_KEY'];
  const sessionToken = credentials === undefined ? env['AWS_SESSION_TOKEN'] : credentials.sessionToken;
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new TsbuildError('usage', 'a cache of type=s3 needs credentials', {
      hint: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give access_key_id= and secret_access_key=',
    });
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

/** Ends with a slash. Buckets are part of the host name, but where the user says otherwise. */
function baseUrl({ bucket, pathStyle }: S3Place, endpoint: string | undefined, region: string): string {
  const text = endpoint ?? `https://s3.${region}.amazonaws.com`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new TsbuildError('usage', `the endpoint ${JSON.stringify(text)} of the cache is no URL`, {
      hint: 'write endpoint_url=https://HOST[:PORT]',
    });
  }
  const path = url.pathname.replace(/\/*$/, '/');
  return pathStyle ? `${url.origin}${path}${bucket}/` : `${url.protocol}//${bucket}.${url.host}${path}`;
}

/** Contents of the elements of that name, in order. */
function members(xml: string, name: string): readonly string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text = '']) =>
    unescape(text),
  );
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replaceAll(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => entities[name] ?? '');
}

/** Pieces of `partSize`, but the last. */
async function* inParts(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    let rest = chunk;
    while (size + rest.length >= partSize) {
      const taken = rest.subarray(0, partSize - size);
      yield Buffer.concat([...chunks, taken]);
      rest = rest.subarray(taken.length);
      [chunks, size] = [[], 0];
    }
    if (rest.length > 0) chunks.push(rest);
    size += rest.length;
  }
  if (size > 0) yield Buffer.concat(chunks);
}
