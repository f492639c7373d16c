import { setTimeout } from 'node:timers/promises';
import { isJsonObject, type JsonObject } from '../../oci/json-guards.js';
import type { Job } from '../../progress/event.js';
import { httpFailure, noAnswer } from './http-failure.js';

/** Where the cache of GitHub Actions is, and the token of the job. */
export interface ActionsAccess {
  /** Ends with a slash. */
  readonly url: string;
  readonly token: string;
}

/** Entries of another version are not seen: 64 hexadecimal digits as the toolkit makes them. */
const version = 'e1b6c1f6a7a34f1c8cbd0f6b4c5a8e0d2f3b7a9c6d4e8f1a2b3c4d5e6f708192';
/** Bytes that are sent in one request; larger entries are sent in blocks of this size. */
const blockSize = 32 * 1024 * 1024;
const attempts = 5;

/**
 * The cache service of GitHub Actions, version 2: Twirp calls that answer with signed URLs of Azure's block blobs. An
 * entry is immutable, its key exists once in a branch, and there is no list.
 */
export class ActionsApi {
  constructor(
    private readonly access: ActionsAccess,
    private readonly job: Job,
  ) {}

  /** The newest entry whose key is, or begins with, `key`; undefined when there is none. */
  async find(key: string): Promise<{ readonly key: string; readonly url: string } | undefined> {
    const answer = await this.#call('GetCacheEntryDownloadURL', { key, restore_keys: [key], version });
    const url = answer && textOf(answer, 'signed_download_url', 'signedDownloadUrl');
    const matched = answer && textOf(answer, 'matched_key', 'matchedKey');
    return url === undefined || matched === undefined ? undefined : { key: matched, url };
  }

  /** False when somebody else made the entry, or is about to. */
  async create(key: string, size: number, content: AsyncIterable<Uint8Array>): Promise<boolean> {
    const answer = await this.#call('CreateCacheEntry', { key, version });
    const url = answer && textOf(answer, 'signed_upload_url', 'signedUploadUrl');
    if (url === undefined) return false;
    await this.#upload(url, content);
    await this.#call('FinalizeCacheEntryUpload', { key, version, size_bytes: String(size) });
    return true;
  }

  async *download(url: string): AsyncGenerator<Uint8Array> {
    const what = 'cannot fetch an entry of the Actions cache';
    const response = await this.#send(what, url, {});
    if (!response.ok || response.body === null) throw await httpFailure(what, response);
    try {
      yield* response.body as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw noAnswer(what, error, this.job.signal);
    }
  }

  /** Undefined when the service says no: there is no such entry, or there is one already. */
  async #call(method: string, body: JsonObject): Promise<JsonObject | undefined> {
    const what = `cannot reach the Actions cache (${method})`;
    const url = `${this.access.url}twirp/github.actions.results.api.v1.CacheService/${method}`;
    const response = await this.#send(what, url, {
      method: 'POST',
      headers: { Authorization: `Bearer ${this.access.token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (response.status === 404 || response.status === 409) return undefined;
    if (!response.ok) throw await httpFailure(what, response);
    const answer: unknown = await response.json().catch(() => undefined);
    return isJsonObject(answer) && answer['ok'] === true ? answer : undefined;
  }

  /** Put Blob, or Put Block and Put Block List, of Azure's REST API. */
  async #upload(url: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    const blocks: string[] = [];
    let last: Buffer | undefined;
    for await (const block of blocksOf(content)) {
      if (last !== undefined) await this.#putBlock(url, last, blocks);
      last = block;
    }
    if (blocks.length === 0) {
      return this.#put(url, last ?? Buffer.alloc(0), { 'x-ms-blob-type': 'BlockBlob' });
    }
    if (last !== undefined) await this.#putBlock(url, last, blocks);
    const list = blocks.map((id) => `<Latest>${id}</Latest>`).join('');
    const body = Buffer.from(`<?xml version="1.0" encoding="utf-8"?><BlockList>${list}</BlockList>`);
    await this.#put(withQuery(url, 'comp=blocklist'), body, { 'Content-Type': 'application/xml' });
  }

  async #putBlock(url: string, block: Buffer, blocks: string[]): Promise<void> {
    const id = Buffer.from(String(blocks.length).padStart(8, '0')).toString('base64');
    blocks.push(id);
    await this.#put(withQuery(url, `comp=block&blockid=${encodeURIComponent(id)}`), block, {});
  }

  async #put(url: string, body: Buffer, headers: Readonly<Record<string, string>>): Promise<void> {
    const what = 'cannot write an entry of the Actions cache';
    const response = await this.#send(what, url, { method: 'PUT', body, headers });
    if (!response.ok) throw await httpFailure(what, response);
    await response.arrayBuffer();
  }

  /** Repeats what the service refuses for want of time. */
  async #send(what: string, url: string, init: RequestInit): Promise<Response> {
    const { signal } = this.job;
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await fetch(url, { ...init, signal });
        if (attempt === attempts || (response.status !== 429 && response.status < 500)) return response;
        await response.arrayBuffer();
        const seconds = Number(response.headers.get('retry-after') ?? 0);
        await setTimeout(Math.min(60, seconds) * 1000 || 250 * 2 ** attempt, undefined, { signal });
      } catch (error) {
        throw noAnswer(what, error, signal);
      }
    }
  }
}

function textOf(object: JsonObject, ...names: readonly string[]): string | undefined {
  const value = names.map((name) => object[name]).find((text) => typeof text === 'string' && text !== '');
  return typeof value === 'string' ? value : undefined;
}

function withQuery(url: string, query: string): string {
  return `${url}${url.includes('?') ? '&' : '?'}${query}`;
}

async function* blocksOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    chunks.push(chunk);
    size += chunk.length;
    if (size < blockSize) continue;
    yield Buffer.concat(chunks);
    [chunks, size] = [[], 0];
  }
  if (size > 0) yield Buffer.concat(chunks);
}
