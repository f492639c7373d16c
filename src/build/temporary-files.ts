import type { Store } from '../store/store.js';
import { removeTree } from '../sys/remove-tree.js';
import { toByteString } from '../util/bytes.js';

/** Files and folders of one build on the store's file system, deleted when it ends. */
export class TemporaryFiles {
  readonly #paths: string[] = [];

  constructor(private readonly store: Store) {}

  /** A path that nothing uses. */
  file(): string {
    const path = this.store.temporaryPath();
    this.#paths.push(path);
    return path;
  }

  /** A new empty folder of mode 0700. */
  async folder(): Promise<string> {
    const path = await this.store.scratchDirectory();
    this.#paths.push(path);
    return path;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#paths.splice(0).map((path) => removeTree(toByteString(path))));
  }
}
