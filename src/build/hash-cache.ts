import type { FileIdentity } from '../layers/scan-context.js';
import { digestOf, hexOf, type Digest } from '../oci/digest.js';
import type { Records } from '../store/records.js';
import type { Store } from '../store/store.js';

const bucket = 'context-hashes';

/*
 * A record is a row of entries of nine 64-bit words in the order of the machine: five of the identity and four of the
 * digest. Lines of text took a sixth of the time of an unchanged build of 50,000 files.
 */
const identityWords = 5;
const entryWords = 9;

/** Entries that are kept besides those that a build asked for or added, for other targets of the same context. */
const spare = 10_000;

/**
 * Digests of context files by their identity. ctime cannot be set by a program, so a file of equal size and mtime but
 * other content is never taken for the old one. One entry for an inode: what was there before is forgotten.
 */
export class HashCache {
  readonly #fresh = new Map<number, { readonly identity: FileIdentity; readonly digest: Digest }>();
  readonly #places = new Map<number, number>();
  readonly #bytes: Buffer;
  readonly #words: BigUint64Array;
  /** Which entries this build asked for. */
  readonly #asked: Uint8Array;

  private constructor(
    private readonly records: Records,
    private readonly hex: string,
    known: Uint8Array,
  ) {
    const count = Math.floor(known.length / (entryWords * 8));
    const whole = new Uint8Array(known.subarray(0, count * entryWords * 8));
    this.#bytes = Buffer.from(whole.buffer);
    this.#words = new BigUint64Array(whole.buffer);
    this.#asked = new Uint8Array(count);
    for (let at = 0; at < count; at++) {
      const [dev = 0n, ino = 0n] = this.#words.subarray(at * entryWords, at * entryWords + 2);
      this.#places.set(placeOf(dev, ino), at);
    }
  }

  /** The digests of one context, which an absolute path names; none when the record is damaged. */
  static async open(store: Store, context: string): Promise<HashCache> {
    const hex = hexOf(digestOf(context));
    const records = store.records(bucket);
    return new HashCache(records, hex, (await records.getBytes(hex)) ?? new Uint8Array());
  }

  get(...identity: FileIdentity): Digest | undefined {
    const place = placeOf(identity[0], identity[1]);
    const fresh = this.#fresh.get(place);
    if (fresh !== undefined) return isSame(fresh.identity, identity) ? fresh.digest : undefined;
    const at = this.#places.get(place);
    if (at === undefined || !this.#isAt(at, identity)) return undefined;
    this.#asked[at] = 1;
    const start = (at * entryWords + identityWords) * 8;
    return `sha256:${this.#bytes.toString('hex', start, start + 32)}` as Digest;
  }

  set(digest: Digest, ...identity: FileIdentity): void {
    this.#fresh.set(placeOf(identity[0], identity[1]), { identity, digest });
  }

  /** Writes what is new, or says that what is known was used. */
  async save(): Promise<void> {
    if (this.#fresh.size === 0) return this.records.touch(this.hex);
    const kept = this.#kept();
    const bytes = Buffer.alloc((kept.length + this.#fresh.size) * entryWords * 8);
    let end = 0;
    for (const at of kept) {
      const start = at * entryWords * 8;
      end += this.#bytes.copy(bytes, end, start, start + entryWords * 8);
    }
    for (const { identity, digest } of this.#fresh.values()) {
      const words = BigUint64Array.from(identity, (value) => BigInt.asUintN(64, value));
      end += Buffer.from(words.buffer).copy(bytes, end);
      end += bytes.write(hexOf(digest), end, 'hex');
    }
    await this.records.putBytes(this.hex, bytes);
  }

  /** Entries that stay: all of them, or when too many were not asked for those that were. */
  #kept(): readonly number[] {
    const all = [...this.#places].flatMap(([place, at]) => (this.#fresh.has(place) ? [] : [at]));
    const asked = all.filter((at) => this.#asked[at] === 1);
    return all.length - asked.length > asked.length + this.#fresh.size + spare ? asked : all;
  }

  #isAt(at: number, identity: FileIdentity): boolean {
    return identity.every((value, i) => this.#words[at * entryWords + i] === BigInt.asUintN(64, value));
  }
}

/** Two inodes may meet in one place, where precision ends: then one of them is hashed again. */
function placeOf(dev: bigint, ino: bigint): number {
  return Number(dev) * 2 ** 32 + Number(ino);
}

function isSame(a: FileIdentity, b: FileIdentity): boolean {
  return a.every((value, i) => value === b[i]);
}
