import { createHash } from 'node:crypto';
import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { finishDigest, hexOf, type Digest } from '../oci/digest.js';
import { TsbuildError } from '../util/errors.js';
import { clearObstacle } from './evict.js';
import { storeFailure } from './failure.js';
import { FollowedFile } from './follow-file.js';
import { closing, syncFolder } from './publish.js';
import { temporaryName } from './temporary.js';

/** A blob of the store. */
export interface StoredBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** A blob in the making. Exactly one of `commit` and `abort` ends it; `abort` after either does nothing. */
export interface BlobWriter {
  /**
   * Appends bytes. Small chunks are copied at once and nothing is returned; otherwise the chunk must not change until
   * the promise settles. Calls need not wait for each other.
   */
  write(chunk: Uint8Array): void | Promise<void>;
  /**
   * Makes the blob durable and visible. Throws `image` when it is not what was expected, and leaves nothing.
   * Equal blobs may be committed by several processes at once.
   */
  commit(expected?: { readonly digest: Digest; readonly size?: number | undefined }): Promise<StoredBlob>;
  abort(): Promise<void>;
  /** What was written and will be, while it is on its way to the disk. Throws `store` when the blob is not committed. */
  follow(offset?: number): AsyncIterable<Uint8Array>;
}

export interface BlobWriterOptions {
  readonly root: string;
  /** Folder of the blobs, relative to `root`. */
  readonly folder: string;
  /** Bytes; more are refused. */
  readonly limit: number | undefined;
}

const bufferSize = 256 * 1024;

/** Starts a blob in a temporary file of mode 0600. Throws `store`. */
export async function openBlobWriter(options: BlobWriterOptions): Promise<BlobWriter> {
  const path = join(options.root, 'tmp', temporaryName());
  try {
    return new FileBlobWriter(options, path, await open(path, 'wx', 0o600));
  } catch (error) {
    throw storeFailure(error, 'cannot write a blob');
  }
}

class FileBlobWriter implements BlobWriter {
  readonly #hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafeSlow(bufferSize);
  #filled = 0;
  #size = 0;
  #busy: Promise<void> | undefined;
  #ended = false;
  readonly #followed: FollowedFile;

  constructor(
    private readonly options: BlobWriterOptions,
    private readonly temporary: string,
    private readonly handle: FileHandle,
  ) {
    this.#followed = new FollowedFile(temporary);
  }

  follow(offset?: number): AsyncIterable<Uint8Array> {
    return this.#followed.read(offset);
  }

  write(chunk: Uint8Array): void | Promise<void> {
    if (this.#ended) throw new Error('write to a blob that has ended');
    this.#count(chunk.length);
    if (this.#busy === undefined && this.#filled + chunk.length <= bufferSize) {
      this.#buffer.set(chunk, this.#filled);
      this.#filled += chunk.length;
      return;
    }
    const work = (this.#busy ?? Promise.resolve()).then(() => this.#append(chunk));
    this.#busy = work;
    // A failure stays in #busy for the next call; whoever holds `work` sees it too.
    work.then(
      () => {
        if (this.#busy === work) this.#busy = undefined;
      },
      () => undefined,
    );
    return work;
  }

  async commit(expected?: {
    readonly digest: Digest;
    readonly size?: number | undefined;
  }): Promise<StoredBlob> {
    if (this.#ended) throw new Error('commit of a blob that has ended');
    this.#ended = true;
    try {
      await this.#busy;
      await closing(this.handle, async () => {
        await this.#flush();
        await this.handle.sync();
      });
      return await this.#publish(expected);
    } catch (error) {
      await this.#discard();
      throw storeFailure(error, 'cannot write a blob');
    }
  }

  async abort(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#busy?.catch(() => undefined);
    await this.#discard();
  }

  #count(bytes: number): void {
    this.#size += bytes;
    if (this.options.limit === undefined || this.#size <= this.options.limit) return;
    throw new TsbuildError('image', `more than the ${this.options.limit} bytes that were announced arrived`);
  }

  async #append(chunk: Uint8Array): Promise<void> {
    try {
      await this.#flush();
      if (chunk.length < bufferSize) {
        this.#buffer.set(chunk);
        this.#filled = chunk.length;
      } else await this.#save(chunk);
    } catch (error) {
      throw storeFailure(error, 'cannot write a blob');
    }
  }

  async #flush(): Promise<void> {
    const filled = this.#filled;
    this.#filled = 0;
    if (filled > 0) await this.#save(this.#buffer.subarray(0, filled));
  }

  /** Hashes while the thread pool writes. */
  async #save(bytes: Uint8Array): Promise<void> {
    const writing = this.handle.appendFile(bytes);
    this.#hash.update(bytes);
    await writing;
    this.#followed.grew(bytes.length);
  }

  async #publish(expected?: {
    readonly digest: Digest;
    readonly size?: number | undefined;
  }): Promise<StoredBlob> {
    const digest = finishDigest(this.#hash);
    if (
      expected !== undefined &&
      (digest !== expected.digest || this.#size !== (expected.size ?? this.#size))
    ) {
      throw new TsbuildError(
        'image',
        `the content announced as ${expected.digest}${expected.size === undefined ? '' : ` with ${expected.size} bytes`} is ${digest} with ${this.#size} bytes`,
      );
    }
    const folder = join(this.options.root, this.options.folder);
    const path = join(folder, hexOf(digest));
    await clearObstacle(this.options.root, path);
    await rename(this.temporary, path);
    this.#followed.completed(path);
    await syncFolder(folder);
    return { digest, size: this.#size };
  }

  async #discard(): Promise<void> {
    this.#followed.givenUp();
    await this.handle.close().catch(() => undefined);
    await unlink(this.temporary).catch(() => undefined);
  }
}
