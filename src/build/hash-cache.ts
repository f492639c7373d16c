import { digestOf, hexOf, isDigest, type Digest } from '../oci/digest.js';
import type { Store } from '../store/store.js';
import { TsbuildError } from '../util/errors.js';

const bucket = 'context-hashes';

/**
 * Digests of context files by what the kernel says of them: device, inode, size, mtime and ctime (nanoseconds). ctime
 * cannot be set by a program, so a file of equal size and mtime but other content is never taken for the old one.
 */
export class HashCache {
  readonly #fresh = new Map<string, Digest>();

  private constructor(
    private readonly store: Store,
    private readonly hex: string,
    private readonly known: ReadonlyMap<string, Digest>,
  ) {}

  static async open(store: Store, context: string): Promise<HashCache> {
    const hex = hexOf(digestOf(context));
    const known = new Map<string, Digest>();
    try {
      for await (const line of store.records(bucket).getLines(hex) ?? []) {
        const [digest, key = ''] = line.split(' ', 2);
        if (isDigest(digest)) known.set(key, digest);
      }
    } catch (error) {
      // A damaged record is removed where that is noticed. Nothing of it can be believed.
      if (!(error instanceof TsbuildError)) throw error;
      known.clear();
    }
    return new HashCache(store, hex, known);
  }

  get(...identity: readonly (number | bigint)[]): Digest | undefined {
    const key = identity.join(':');
    return this.#fresh.get(key) ?? this.known.get(key);
  }

  set(digest: Digest, ...identity: readonly (number | bigint)[]): void {
    this.#fresh.set(identity.join(':'), digest);
  }

  /** Writes what is new; entries of files that are gone stay until the record is collected. */
  async save(): Promise<void> {
    if (this.#fresh.size === 0) return;
    const all = new Map([...this.known, ...this.#fresh]);
    await this.store.records(bucket).putLines(
      this.hex,
      [...all].map(([key, digest]) => `${digest} ${key}`),
    );
  }
}
