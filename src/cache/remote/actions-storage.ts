import type { RemoteBlob } from '../../layers/layer.js';
import { hexOf, type Digest } from '../../oci/digest.js';
import type { Descriptor } from '../../oci/types.js';
import type { Job } from '../../progress/event.js';
import { TsbuildError } from '../../util/errors.js';
import { ActionsApi } from './actions-api.js';
import { mergeContents, newest, type CacheContent } from './content.js';
import { decodeDocument, encodeDocument, maxDocument, type CacheDocument } from './document.js';
import type { CachePlace } from './options.js';
import type { LoadedCache, OutgoingBlob, RemoteStorage } from './storage.js';
import { verified } from './verified-stream.js';

/** What the newest head holds at most. */
const kept = { records: 20_000, layers: 8000 };
/** Heads that are tried to be made, and numbers before the newest one that are looked for when it does not cover them. */
const limits = { attempts: 20, gaps: 20 };

/**
 * A cache in the cache of GitHub Actions. Heads are numbered (`tsbuild-<scope>-head-<number>`): making a number that
 * somebody else made fails, so nobody overwrites anything. A head holds everything that was known when it was made and
 * names the numbers that it covers; one before it that was still being written is found by its missing number.
 */
export class ActionsStorage implements RemoteStorage {
  readonly name: string;
  readonly #api: ActionsApi;

  /** `env` has the variables of a job. Throws `usage` without them. */
  constructor(
    private readonly place: Extract<CachePlace, { type: 'gha' }>,
    env: Readonly<Record<string, string | undefined>>,
    job: Job,
  ) {
    this.name = `gha:${place.scope}`;
    const url = place.url ?? env['ACTIONS_RESULTS_URL'];
    const token = place.token ?? env['ACTIONS_RUNTIME_TOKEN'];
    if (url === undefined || token === undefined || !URL.canParse(url)) {
      throw new TsbuildError('usage', 'a cache of type=gha needs the URL and the token of an Actions job', {
        hint: 'hand ACTIONS_RESULTS_URL and ACTIONS_RUNTIME_TOKEN on to the step: docs/how-to/github-actions.md',
      });
    }
    this.#api = new ActionsApi({ url: url.replace(/\/*$/, '/'), token }, job);
  }

  async load(): Promise<LoadedCache> {
    const { documents, problems } = await this.#read();
    return { content: mergeContents(documents.map(({ content }) => content)), problems };
  }

  async *open(blob: Descriptor): AsyncGenerator<Uint8Array> {
    const key = blobKey(blob.digest);
    const found = await this.#api.find(key);
    if (found?.key !== key)
      throw new TsbuildError('image', `the Actions cache has no ${blob.digest} any more`);
    yield* verified(this.#api.download(found.url), blob);
  }

  async has(digest: Digest): Promise<boolean> {
    const key = blobKey(digest);
    return (await this.#api.find(key))?.key === key;
  }

  async put({ descriptor, ...blob }: OutgoingBlob): Promise<void> {
    if (await this.has(descriptor.digest)) return;
    await this.#api.create(blobKey(descriptor.digest), descriptor.size, blob.open());
  }

  locate(descriptor: Descriptor): RemoteBlob {
    return { descriptor, cache: this.name };
  }

  async add(content: CacheContent): Promise<void> {
    let taken = 0;
    for (let attempt = 1; attempt <= limits.attempts; attempt++) {
      const { documents, numbers, newest: last } = await this.#read();
      const merged = newest(mergeContents([...documents.map((document) => document.content), content]), kept);
      const number = Math.max(last, taken) + 1;
      const covers = [...new Set([...numbers, ...documents.flatMap((document) => document.covers)])];
      const bytes = encodeDocument({ content: merged, covers: covers.slice(-1000) });
      if (await this.#api.create(this.#headKey(number), bytes.length, once(bytes))) return;
      taken = number;
    }
    throw new TsbuildError('registry', `${this.name}: other jobs write to the cache all the time`);
  }

  /** The newest head and those before it that it does not cover. */
  async #read(): Promise<Found> {
    const problems: string[] = [];
    const found = await this.#api.find(this.#prefix);
    const last = numberOf(found?.key.slice(this.#prefix.length));
    if (found === undefined || last === undefined) return { documents: [], numbers: [], newest: 0, problems };
    const head = await this.#document(found.url, problems);
    const covered = new Set(head?.covers);
    const gaps = Array.from({ length: Math.min(limits.gaps, last - 1) }, (_, i) => last - 1 - i);
    const missing = gaps.filter((number) => !covered.has(String(number)));
    const others = await Promise.all(missing.map((number) => this.#numbered(number, problems)));
    const documents = [...others, head].filter((document) => document !== undefined);
    const read = missing.filter((_, i) => others[i] !== undefined);
    return { documents, numbers: [...read, last].map(String), newest: last, problems };
  }

  async #numbered(number: number, problems: string[]): Promise<CacheDocument | undefined> {
    const key = this.#headKey(number);
    const found = await this.#api.find(key);
    return found?.key === key ? this.#document(found.url, problems) : undefined;
  }

  async #document(url: string, problems: string[]): Promise<CacheDocument | undefined> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const chunk of this.#api.download(url)) {
        size += chunk.length;
        if (size > maxDocument) throw new TsbuildError('image', 'a document of the cache is too large');
        chunks.push(chunk);
      }
      return decodeDocument(Buffer.concat(chunks));
    } catch (error) {
      if (!(error instanceof TsbuildError) || error.code === 'cancelled') throw error;
      problems.push(error.message);
      return undefined;
    }
  }

  get #prefix(): string {
    return `tsbuild-${this.place.scope}-head-`;
  }

  #headKey(number: number): string {
    return `${this.#prefix}${String(number).padStart(10, '0')}`;
  }
}

interface Found {
  /** The newest one last. */
  readonly documents: readonly CacheDocument[];
  readonly numbers: readonly string[];
  /** 0 when there is none. */
  readonly newest: number;
  readonly problems: readonly string[];
}

function blobKey(digest: Digest): string {
  return `tsbuild-blob-${hexOf(digest)}`;
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{10}$/.test(text) ? Number(text) : undefined;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
