import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import type { LayerDirectory } from '../../layers/types.js';
import { removeTree } from '../../sys/remove-tree.js';
import { bytePath } from '../../util/bytes.js';
import { applyLayer } from './apply-layer.js';

/** A root file system as a plain directory, and the layers that made it. */
export interface PlainRoot {
  /** Absolute byte string. */
  readonly path: string;
  /** Layers by device and inode, from the bottom up: they keep those when a step's upper moves into the store. */
  layers: string[];
}

/**
 * The roots of one process. A root goes from step to step of one lineage: it is taken, changed and given back; steps
 * that share a beginning with one that is in use get a copy of their own.
 */
export class PlainRoots {
  readonly #idle: PlainRoot[] = [];
  #count = 0;

  constructor(private readonly directory: string) {}

  /** A root that shows these layers; the one that has most of them already. */
  async take(lowers: readonly LayerDirectory[]): Promise<PlainRoot> {
    const wanted = lowers.map(({ path }) => layerKey(path));
    const best = this.#idle
      .filter(({ layers }) => layers.every((layer, index) => layer === wanted[index]))
      .sort((a, b) => b.layers.length - a.layers.length)[0];
    const root = best ?? this.#make();
    if (best !== undefined) this.#idle.splice(this.#idle.indexOf(best), 1);
    try {
      for (const lower of lowers.slice(root.layers.length)) await applyLayer(lower, root.path);
    } catch (error) {
      await this.drop(root);
      throw error;
    }
    root.layers = wanted;
    return root;
  }

  /** Gives back a root to which a step has added `upper`. */
  give(root: PlainRoot, upper: string): void {
    root.layers.push(layerKey(upper));
    this.#idle.push(root);
  }

  /** Deletes a root whose state is not that of any snapshot. */
  async drop(root: PlainRoot): Promise<void> {
    await removeTree(root.path);
  }

  #make(): PlainRoot {
    const path = `${this.directory}/root-${++this.#count}`;
    mkdirSync(bytePath(path));
    chmodSync(bytePath(path), 0o755); // whatever the umask is
    return { path, layers: [] };
  }
}

function layerKey(path: string): string {
  const { dev, ino } = lstatSync(bytePath(path), { bigint: true });
  return `${dev}:${ino}`;
}
