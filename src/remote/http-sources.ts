import { digestOf, hexOf, isDigest, type Digest } from '../oci/digest.js';
import type { Job } from '../progress/event.js';
import type { Response } from '../registry/exchange.js';
import { RegistryFailure } from '../registry/failure.js';
import { redactUrl } from '../registry/redact.js';
import { Attempts, withRetries } from '../registry/retry.js';
import type { RetryOptions } from '../registry/types.js';
import type { Store } from '../store/store.js';
import { TsbuildError } from '../util/errors.js';
import { HttpFetcher, type Headers, type HttpOptions } from './http-fetch.js';
import { downloadName } from './http-name.js';

/** What is remembered of downloads, by a digest of their URLs: a URL may hold a password. */
const bucket = 'http-sources';
/** Bytes of one download at the most. */
const defaultLimit = 50 * 2 ** 30;

export interface HttpSource {
  /** As the Dockerfile has it. */
  readonly url: string;
  readonly checksum?: Digest | undefined;
}

/** A download whose bytes are a blob of the store. */
export interface HttpFile {
  readonly digest: Digest;
  readonly size: number;
  readonly name: string;
  /** Last-Modified, in milliseconds since 1970; 0 without one. */
  readonly modified: number;
}

interface Remembered extends HttpFile {
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
}

export interface HttpSourcesOptions extends HttpOptions {
  readonly store: Store;
  readonly job: Job;
  readonly retries?: RetryOptions | undefined;
  readonly limit?: number | undefined;
}

/** Files by URL. What the store has is asked for again by its ETag or Last-Modified, and not at all by its checksum. */
export class HttpSources {
  readonly #fetcher: HttpFetcher;
  readonly #files = new Map<string, Promise<HttpFile>>();

  constructor(private readonly options: HttpSourcesOptions) {
    this.#fetcher = new HttpFetcher(options);
  }

  /** The file that a URL gives now; asked for once per build. Throws `context`, also for another checksum. */
  file(source: HttpSource): Promise<HttpFile> {
    const key = `${source.url} ${source.checksum ?? ''}`;
    const known = this.#files.get(key);
    if (known !== undefined) return known;
    const promise = this.#file(source);
    this.#files.set(key, promise);
    return promise;
  }

  /** Where the bytes of a file are. */
  path({ digest }: HttpFile): string {
    return this.options.store.blobs.path(digest);
  }

  /** Reads a file through. Throws `store` when it was damaged; it is downloaded again when it is next asked for. */
  async check({ digest, size }: HttpFile): Promise<void> {
    const { store, job } = this.options;
    try {
      for await (const _ of store.blobs.open(digest, size)) {
        if (job.signal.aborted) throw new TsbuildError('cancelled', 'the build was cancelled');
      }
    } catch (error) {
      this.#files.clear();
      throw error;
    }
  }

  close(): void {
    this.#fetcher.close();
  }

  async #file({ url: text, checksum }: HttpSource): Promise<HttpFile> {
    const url = parseUrl(text);
    const remembered = await this.#remembered(text);
    if (checksum !== undefined && remembered?.digest === checksum) return remembered;
    const { job } = this.options;
    const step = `fetch ${redactUrl(url)}`;
    job.emit({ kind: 'declared', step, name: `[internal] ${step}` });
    job.emit({ kind: 'started', step });
    const attempts = new Attempts(this.options.retries ?? { attempts: 5, delay: 500 }, job, step);
    const file = await withRetries(attempts, () => this.#fetch({ url, checksum, remembered, step }));
    if (file !== remembered) await this.options.store.records(bucket).put(keyOf(text), file);
    job.emit({ kind: 'finished', step, outcome: 'done' });
    return file;
  }

  async #fetch({ url, checksum, remembered, step }: Fetch): Promise<Remembered> {
    // a remembered file of another checksum is of no use: an answer that it has not changed would be none
    const wanted = checksum === undefined ? conditions(remembered) : {};
    const response = await this.#fetcher.get(url, wanted, this.options.job);
    const { status, headers } = response;
    const unchanged =
      status === 304 || (status === 200 && isStrong(headers['etag']) && headers['etag'] === remembered?.etag);
    if (unchanged && remembered !== undefined && checksum === undefined) {
      await this.#fetcher.discard(response);
      return remembered;
    }
    if (status !== 200) throw await this.#refused(response);
    const { digest, size } = await this.#download(response, { checksum, step });
    const lastModified = headers['last-modified'];
    return {
      digest,
      size,
      name: downloadName(url, headers['content-disposition']),
      modified: Math.max(0, Date.parse(lastModified ?? '') || 0),
      etag: headers['etag'],
      lastModified,
    };
  }

  async #refused(response: Response): Promise<TsbuildError> {
    const { status, url } = response;
    await this.#fetcher.discard(response);
    const transient = status === 408 || status === 429 || status >= 500;
    const hint = status === 401 || status === 403 ? 'the server wants credentials' : undefined;
    return new RegistryFailure('context', `${redactUrl(url)} answered ${status}`, {
      status,
      transient,
      hint,
    });
  }

  async #download(
    response: Response,
    { checksum, step }: { readonly checksum: Digest | undefined; readonly step: string },
  ): Promise<{ readonly digest: Digest; readonly size: number }> {
    const { limit = defaultLimit, store, job } = this.options;
    const shown = redactUrl(response.url);
    const encoding = response.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity')
      throw unusable(response, `${shown} is sent with the Content-Encoding ${JSON.stringify(encoding)}`);
    const total = contentLength(response);
    if ((total ?? 0) > limit) throw unusable(response, `${shown} is larger than ${limit} bytes`);
    const writer = await store.blobs.writer();
    try {
      let done = 0;
      for await (const chunk of this.#fetcher.body(response)) {
        done += chunk.length;
        if (done > limit) throw new TsbuildError('context', `${shown} is larger than ${limit} bytes`);
        await writer.write(chunk);
        job.emit({ kind: 'transfer', step, item: 'download', done, total });
      }
      return await writer.commit(checksum === undefined ? undefined : { digest: checksum });
    } catch (error) {
      if (!(error instanceof TsbuildError) || error.code !== 'image') throw error;
      throw new TsbuildError('context', `${shown} is not what its checksum says: ${error.message}`, {
        hint: 'what the server sends has changed, or the checksum is wrong',
        cause: error,
      });
    } finally {
      await writer.abort();
    }
  }

  /** What an earlier build found, if its bytes are still here. */
  async #remembered(url: string): Promise<Remembered | undefined> {
    const record = this.options.store.records(bucket);
    const value = await record.get(keyOf(url));
    if (!isRemembered(value) || (await this.options.store.blobs.has(value.digest)) === undefined)
      return undefined;
    await record.touch(keyOf(url));
    return value;
  }
}

/** Gives up an answer before its body is read. */
function unusable(response: Response, message: string): TsbuildError {
  response.body.destroy();
  return new TsbuildError('context', message);
}

interface Fetch {
  readonly url: URL;
  readonly checksum: Digest | undefined;
  readonly remembered: Remembered | undefined;
  readonly step: string;
}

/** Throws `usage` for what is no http URL. */
function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw new TsbuildError('usage', `${JSON.stringify(text.replace(/\/\/[^/]*@/, '//'))} is no http URL`);
}

function keyOf(url: string): string {
  return hexOf(digestOf(url));
}

/** A weak validator serves as well: what it stands for is the same file to the server (RFC 9110, 13.1.2). */
function conditions(remembered: Remembered | undefined): Headers {
  if (remembered?.etag !== undefined) return { 'If-None-Match': remembered.etag };
  if (remembered?.lastModified !== undefined) return { 'If-Modified-Since': remembered.lastModified };
  return {};
}

function isStrong(etag: string | undefined): boolean {
  return etag?.startsWith('"') ?? false;
}

function contentLength({ headers }: Response): number | undefined {
  const length = headers['content-length'];
  return length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined;
}

function isRemembered(value: unknown): value is Remembered {
  if (typeof value !== 'object' || value === null) return false;
  const { digest, size, name, modified, etag, lastModified } = value as Record<string, unknown>;
  return (
    isDigest(digest) &&
    typeof size === 'number' &&
    typeof name === 'string' &&
    typeof modified === 'number' &&
    isOptionalText(etag) &&
    isOptionalText(lastModified)
  );
}

function isOptionalText(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}
