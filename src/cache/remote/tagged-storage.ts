import pLimit from 'p-limit';
import type { RemoteBlob } from '../../layers/layer.js';
import { digestOf, hexOf, isDigest, type Digest } from '../../oci/digest.js';
import { maxDocumentSize } from '../../oci/strict-json.js';
import type { Descriptor } from '../../oci/types.js';
import type { BegunUpload } from '../../registry/types.js';
import { TsbuildError } from '../../util/errors.js';
import { once } from '../../util/once.js';
import {
  artifactManifest,
  blobOf,
  cacheTypes,
  emptyBlob,
  readArtifact,
  type TaggedThing,
} from './artifact.js';
import { blobsOf, mergeContents, newest, noContent, smaller, without, type CacheContent } from './content.js';
import { decodeDocument, encodeDocument, maxDocument, type CacheDocument } from './document.js';
import { inlineContent } from './inline.js';
import { readBlob } from './read-blob.js';
import type { ArtifactHost, LoadedCache, OutgoingBlob, RemoteStorage } from './storage.js';

export interface TaggedOptions {
  /** Or the digest of a head that is only read. */
  readonly tag: string;
  /** What was there before is not read, and not kept where `forget` can delete it. */
  readonly reset?: boolean | undefined;
  /** Told what went wrong with the head, which does not matter for long. */
  readonly onWarning: (message: string) => void;
}

/** Parts that are read when nothing was merged for long, and requests at a time. */
const limits = { parts: 512, requests: 8 };
/** Times that a manifest is sent. */
const attempts = 4;
/** What the merged document holds at most: readers load all of it. */
const kept = { records: 20_000, layers: 8000 };

/**
 * A cache under the tags of one repository. Every build that has something new adds a *part*, an immutable manifest
 * under a tag made of its own digest: `<tag>.<24 hex digits>`. No two builds write the same tag, so none loses what
 * another added, and no compare-and-swap is needed. `<tag>` itself names the *head*: all parts merged, with the list
 * of those that it covers. The head is a shortcut only: whoever writes it last wins, and what a lost race left out of
 * it is found by its part until the next head covers it.
 */
export class TaggedStorage implements RemoteStorage {
  readonly #limit = pLimit(limits.requests);

  constructor(
    private readonly host: ArtifactHost,
    private readonly options: TaggedOptions,
  ) {}

  get name(): string {
    return this.host.name;
  }

  open(blob: Descriptor): AsyncIterable<Uint8Array> {
    return this.host.open(blob);
  }

  has(digest: Digest): Promise<boolean> {
    return this.host.has(digest);
  }

  put(blob: OutgoingBlob): Promise<void> {
    return this.host.put(blob);
  }

  begin(
    read: (offset?: number) => AsyncIterable<Uint8Array>,
    item: string,
  ): Promise<BegunUpload> | undefined {
    return this.host.begin?.(read, item);
  }

  locate(blob: Descriptor): RemoteBlob {
    return this.host.locate(blob);
  }

  async load(): Promise<LoadedCache> {
    if (this.options.reset === true) return { content: noContent, problems: [] };
    const { contents, problems } = await this.#read();
    return { content: mergeContents(contents), problems };
  }

  async add(content: CacheContent): Promise<void> {
    await this.host.exclusively(async () => {
      const own = await this.#addPart(content);
      const found = await this.#read(own.parts);
      if (found.isImage) throw this.#isAnImage();
      const isReset = this.options.reset === true;
      const head = newest(isReset ? own.content : mergeContents([...found.contents, own.content]), kept);
      try {
        await this.#putHead(head, found.parts);
      } catch (error) {
        if (!(error instanceof TsbuildError) || error.code === 'cancelled') throw error;
        this.options.onWarning(
          `${this.name}: the merged records of the cache were not written: ${error.message}`,
        );
        return;
      }
      await this.host.forget(found.parts.map((part) => this.#partTag(part)));
    });
  }

  /** `own` are parts whose content is known. */
  async #read(own: readonly string[] = []): Promise<Found> {
    const problems: string[] = [];
    const orProblem = async <T>(
      work: Promise<T>,
      isProblem: (error: TsbuildError) => boolean,
    ): Promise<T | undefined> => {
      try {
        return await work;
      } catch (error) {
        if (!(error instanceof TsbuildError) || !isProblem(error)) throw error;
        problems.push(error.message);
        return undefined;
      }
    };
    const sound = <T>(work: Promise<T>) => orProblem(work, ({ code }) => damages.has(code));
    // Parts that cannot be had are read by a later build: the head has most of them.
    const had = <T>(work: Promise<T>) => orProblem(work, ({ code }) => code !== 'cancelled');
    const [bytes, tags = []] = await Promise.all([
      sound(this.host.manifest(this.#tag)),
      isDigest(this.#tag) ? [] : had(this.host.tags(`${this.#tag}.`)),
    ]);
    const thing = bytes && (await sound(Promise.resolve(bytes).then(readArtifact)));
    if (thing?.kind === 'image' || thing?.kind === 'index') {
      const content = (await sound(this.#inline(thing))) ?? noContent;
      return { contents: [content], parts: [], problems, isImage: true };
    }
    const head = thing && (await sound(this.#document(thing)));
    const listed = tags
      .map((tag) => tag.slice(this.#tag.length + 1))
      .filter((part) => partPattern.test(part));
    const parts = [...new Set([...listed, ...own])];
    const covered = new Set(head?.covers);
    const isFresh = (part: string): boolean => !covered.has(part) && !own.includes(part);
    const fresh = parts.filter(isFresh).slice(0, limits.parts);
    const read = await Promise.all(fresh.map((part) => this.#limit(() => had(this.#part(part)))));
    const contents = [head, ...read].flatMap((document) =>
      document === undefined ? [] : [document.content],
    );
    const broken = new Set(fresh.filter((_, i) => read[i] === undefined));
    return { contents, parts: parts.filter((part) => !broken.has(part)), problems, isImage: false };
  }

  async #inline(thing: Exclude<TaggedThing, { kind: 'cache' }>): Promise<CacheContent> {
    if (thing.kind === 'index') {
      const members = thing.members.slice(0, limits.parts);
      return mergeContents(
        await Promise.all(members.map((member) => this.#limit(() => this.#member(member)))),
      );
    }
    const { manifest } = thing;
    const config = await readBlob((blob) => this.host.open(blob), manifest.config, maxDocumentSize);
    return inlineContent(config, manifest.layers);
  }

  /** Of an image of an index; what else is there has none. */
  async #member({ digest }: Descriptor): Promise<CacheContent> {
    const bytes = await this.host.manifest(digest);
    if (bytes === undefined || digestOf(bytes) !== digest)
      throw new TsbuildError('image', `the image ${digest} is not what its index says`);
    const thing = readArtifact(bytes);
    return thing.kind === 'image' ? this.#inline(thing) : noContent;
  }

  /** Undefined when it is not there: registries list a tag that is still being written, or was just deleted. */
  async #part(part: string): Promise<CacheDocument | undefined> {
    const bytes = await this.host.manifest(this.#partTag(part));
    if (bytes === undefined) return undefined;
    if (!hexOf(digestOf(bytes)).startsWith(part))
      throw new TsbuildError('image', `the part ${part} of the cache is not what its name says`);
    const thing = readArtifact(bytes);
    if (thing.kind !== 'cache') throw new TsbuildError('image', `the part ${part} of the cache is an image`);
    return this.#document(thing);
  }

  async #document(thing: TaggedThing): Promise<CacheDocument> {
    if (thing.kind !== 'cache') throw this.#isAnImage();
    return decodeDocument(await readBlob((blob) => this.host.open(blob), thing.document, maxDocument));
  }

  async #addPart(content: CacheContent): Promise<Added> {
    return this.#withoutLost(content, async (kept) => {
      const manifest = await this.#putDocument({ content: kept, covers: [] });
      if (manifest === undefined) return await this.#addParts(kept);
      const part = hexOf(digestOf(manifest)).slice(0, partLength);
      await this.host.putManifest(this.#partTag(part), manifest);
      return { parts: [part], content: kept };
    });
  }

  /** Parts of what is too large for one: each cache mount, and the rest. */
  async #addParts(content: CacheContent): Promise<Added> {
    const { mounts, ...others } = content;
    if (mounts.size === 0 || (mounts.size === 1 && content.records.size === 0))
      throw new TsbuildError('image', 'this build has more blobs than a registry takes in one cache');
    const added: Added[] = [];
    if (content.records.size > 0) added.push(await this.#addPart({ ...others, mounts: new Map() }));
    for (const mount of mounts) added.push(await this.#addPart({ ...noContent, mounts: new Map([mount]) }));
    return {
      parts: added.flatMap(({ parts }) => parts),
      content: mergeContents(added.map((one) => one.content)),
    };
  }

  #putHead(content: CacheContent, covers: readonly string[]): Promise<void> {
    return this.#withoutLost(content, (kept) => this.#tryHead(kept, covers));
  }

  /**
   * Blobs that a registry lost make it refuse a manifest: what needs them is left out, and made again by a later build.
   * One that has all of them was disturbed by another writer (distribution's links are not written in one piece).
   */
  async #withoutLost<T>(content: CacheContent, put: (content: CacheContent) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await put(content);
      } catch (error) {
        if (!(error instanceof TsbuildError) || error.code === 'cancelled' || attempt === attempts)
          throw error;
        const gone = await this.#goneBlobs(content);
        if (gone.size > 0) return await put(without(content, (digest) => gone.has(digest)));
      }
    }
  }

  async #goneBlobs(content: CacheContent): Promise<ReadonlySet<Digest>> {
    const blobs = blobsOf(content);
    const there = await Promise.all(blobs.map(({ digest }) => this.#limit(() => this.host.has(digest))));
    return new Set(blobs.flatMap(({ digest }, i) => (there[i] === true ? [] : [digest])));
  }

  async #tryHead(content: CacheContent, covers: readonly string[]): Promise<void> {
    const manifest = await this.#putDocument({ content, covers });
    if (manifest !== undefined) return this.host.putManifest(this.#tag, manifest);
    const fewer = smaller(content);
    if (fewer !== undefined) await this.#tryHead(fewer, covers);
  }

  async #putDocument(document: CacheDocument): Promise<Buffer | undefined> {
    const blob = blobOf(cacheTypes.document, encodeDocument(document));
    const manifest = artifactManifest(blob.descriptor, blobsOf(document.content));
    if (manifest === undefined) return undefined;
    await Promise.all([this.#putEmpty(), this.host.put(blob)]);
    return manifest;
  }

  readonly #putEmpty = once(() => this.host.put(emptyBlob));

  #partTag(part: string): string {
    return `${this.#tag}.${part}`;
  }

  get #tag(): string {
    return this.options.tag;
  }

  #isAnImage(): TsbuildError {
    return new TsbuildError('usage', `${this.name} is an image, not a cache`, {
      hint: 'give the cache a tag of its own; a cache inside the image itself is type=inline',
    });
  }
}

/** Codes of failures that mean that something is not what it should be, and not that nobody answers. */
const damages: ReadonlySet<string> = new Set(['image', 'archive', 'store']);

const partLength = 24;
const partPattern = /^[0-9a-f]{24}$/;

/** What was written of a content. */
interface Added {
  readonly parts: readonly string[];
  readonly content: CacheContent;
}

interface Found {
  readonly contents: readonly CacheContent[];
  /** Those that could be read, and those that the head covers. */
  readonly parts: readonly string[];
  readonly problems: readonly string[];
  readonly isImage: boolean;
}
