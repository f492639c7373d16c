import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, open, readdir, readFile, rename, unlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RemoteBlob } from '../../layers/layer.js';
import { canonicalJson } from '../../oci/canonical-json.js';
import { descriptorOf } from '../../oci/descriptor.js';
import { digestOf, hexOf, isDigest, type Digest } from '../../oci/digest.js';
import { isJsonObject } from '../../oci/json-guards.js';
import { mediaTypes } from '../../oci/media-types.js';
import { maxDocumentSize, parseStrictJson } from '../../oci/strict-json.js';
import type { Descriptor } from '../../oci/types.js';
import { lockFile } from '../../sys/lock.js';
import { makeFolders } from '../../sys/make-folders.js';
import { toByteString } from '../../util/bytes.js';
import { errnoCode, TsbuildError } from '../../util/errors.js';
import type { ArtifactHost, OutgoingBlob } from './storage.js';
import { verified } from './verified-stream.js';

const tagAnnotation = 'org.opencontainers.image.ref.name';
/** Milliseconds for which a blob that no manifest names is kept: a build that is adding may have just put it there. */
const grace = 60 * 60 * 1000;

/** A folder as the place of a cache: an OCI image layout, changed under a lock, so nothing in it outlives its use. */
export class FolderHost implements ArtifactHost {
  readonly name: string;

  /** `root` is an absolute path. It is made when something is put there. */
  constructor(private readonly root: string) {
    this.name = root;
  }

  async *open(blob: Descriptor): AsyncGenerator<Uint8Array> {
    try {
      yield* verified(createReadStream(this.#path(blob.digest)), blob);
    } catch (error) {
      throw failure(`cannot read ${blob.digest} in ${this.root}`, error);
    }
  }

  async put(blob: OutgoingBlob): Promise<void> {
    const path = this.#path(blob.descriptor.digest);
    const now = new Date();
    if (await this.#isSound(blob.descriptor)) await utimes(path, now, now).catch(() => undefined);
    else await this.#write(path, blob.open());
  }

  locate(descriptor: Descriptor): RemoteBlob {
    return { descriptor, cache: this.name };
  }

  async has(digest: Digest): Promise<boolean> {
    return (await sizeOf(this.#path(digest))) !== undefined;
  }

  async manifest(name: string): Promise<Uint8Array | undefined> {
    const found = (await this.#index()).find(({ annotations }) => annotations?.[tagAnnotation] === name);
    const digest = isDigest(name) ? name : found?.digest;
    if (digest === undefined) return undefined;
    const bytes = await readFile(this.#path(digest)).catch((error: unknown) => {
      throw failure(`cannot read ${digest} in ${this.root}`, error);
    });
    if (digestOf(bytes) === digest) return bytes;
    throw new TsbuildError('image', `the manifest ${digest} in ${this.root} is damaged`);
  }

  async tags(prefix: string): Promise<readonly string[]> {
    const tags = (await this.#index()).map(({ annotations }) => annotations?.[tagAnnotation] ?? '');
    return tags.filter((tag) => tag.startsWith(prefix));
  }

  async putManifest(tag: string, bytes: Uint8Array): Promise<void> {
    const digest = digestOf(bytes);
    await this.#write(this.#path(digest), [bytes]);
    const others = (await this.#index()).filter(({ annotations }) => annotations?.[tagAnnotation] !== tag);
    const annotations = { [tagAnnotation]: tag };
    await this.#writeIndex([
      ...others,
      { mediaType: mediaTypes.ociManifest, digest, size: bytes.length, annotations },
    ]);
  }

  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    await this.#io('make', () => makeFolders(this.root));
    const lock = await lockFile(toByteString(join(this.root, '.lock')), 'exclusive');
    try {
      return await work();
    } finally {
      lock?.release();
    }
  }

  async forget(tags: readonly string[]): Promise<void> {
    const gone = new Set(tags);
    const kept = (await this.#index()).filter(
      ({ annotations }) => !gone.has(annotations?.[tagAnnotation] ?? ''),
    );
    await this.#writeIndex(kept);
    await this.#sweep(kept);
  }

  async #isSound(blob: Descriptor): Promise<boolean> {
    if ((await sizeOf(this.#path(blob.digest))) !== blob.size) return false;
    try {
      for await (const _ of this.open(blob));
      return true;
    } catch {
      return false;
    }
  }

  /** Deletes blobs that no manifest names. */
  async #sweep(manifests: readonly Descriptor[]): Promise<void> {
    const named = new Set(manifests.map(({ digest }) => hexOf(digest)));
    for (const { digest } of manifests) {
      const text = await readFile(this.#path(digest), 'utf8').catch(() => '');
      for (const [, hex = ''] of text.matchAll(/"sha256:([0-9a-f]{64})"/g)) named.add(hex);
    }
    const folder = join(this.root, 'blobs/sha256');
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      if (named.has(name)) continue;
      const status = await lstat(path).catch(() => undefined);
      if (status !== undefined && Date.now() - status.mtimeMs > grace)
        await unlink(path).catch(() => undefined);
    }
  }

  async #index(): Promise<readonly Descriptor[]> {
    let bytes: Buffer;
    try {
      bytes = await readFile(join(this.root, 'index.json'));
    } catch (error) {
      if (errnoCode(error) === 'ENOENT') return [];
      throw failure(`cannot read ${this.root}`, error);
    }
    const value = parseStrictJson(bytes, `index.json of ${this.root}`, 16 * maxDocumentSize);
    const manifests = isJsonObject(value) ? value['manifests'] : undefined;
    return Array.isArray(manifests) ? manifests.map((item) => descriptorOf(item, 'index.json')) : [];
  }

  async #writeIndex(manifests: readonly Descriptor[]): Promise<void> {
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
    await this.#write(join(this.root, 'oci-layout'), [Buffer.from('{"imageLayoutVersion":"1.0.0"}')]);
    await this.#write(join(this.root, 'index.json'), [Buffer.from(canonicalJson(index))]);
  }

  /** By way of a temporary name, so that nobody sees half a file. */
  async #write(path: string, content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    await this.#io('write', async () => {
      await makeFolders(dirname(path));
      const temporary = join(this.root, `.tmp-${randomUUID()}`);
      try {
        const handle = await open(temporary, 'wx', 0o644);
        try {
          await writeFile(handle, content);
        } finally {
          await handle.close();
        }
        await rename(temporary, path);
      } catch (error) {
        await unlink(temporary).catch(() => undefined);
        throw error;
      }
    });
  }

  async #io<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw failure(`cannot ${what} the cache folder ${this.root}`, error);
    }
  }

  #path(digest: Digest): string {
    return join(this.root, 'blobs/sha256', hexOf(digest));
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  const status = await lstat(path).catch(() => undefined);
  return status?.isFile() === true ? status.size : undefined;
}

function failure(message: string, cause: unknown): unknown {
  if (cause instanceof TsbuildError) return cause;
  return new TsbuildError('store', `${message}: ${errnoCode(cause) ?? String(cause)}`, { cause });
}
