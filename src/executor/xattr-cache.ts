import { readXattrs } from '../sys/xattrs.js';

export type Xattrs = ReadonlyMap<string, Uint8Array>;

const none: Xattrs = new Map();

/**
 * Extended attributes of directories of committed layers, which never change: each is asked for once, as an answer
 * takes a process.
 */
export class XattrCache {
  #known = new Map<string, Xattrs>();

  /** Attributes of absolute byte-string paths. */
  async read(paths: readonly string[]): Promise<ReadonlyMap<string, Xattrs>> {
    const unknown = paths.filter((path) => !this.#known.has(path));
    if (unknown.length > 0) {
      const read = await readXattrs(unknown);
      for (const path of unknown) this.#known.set(path, read.get(path) ?? none);
    }
    return new Map(paths.map((path) => [path, this.#known.get(path) ?? none]));
  }
}
