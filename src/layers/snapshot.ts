import { TsbuildError } from '../util/errors.js';
import type { Digest } from '../oci/digest.js';
import { apply } from './apply.js';
import { contentDigest } from './content-digest.js';
import type { Layer } from './layer.js';
import { emptyTree } from './tree.js';
import type { Body, File, LayerDirectory, Tree } from './types.js';

/** Layers from the bottom up and the tree that they add up to. Immutable; `with` shares what is below. */
export class Snapshot {
  #tree: Promise<Tree> | undefined;

  private constructor(
    private readonly below: Snapshot | undefined,
    private readonly top: Layer | undefined,
  ) {}

  static readonly empty = new Snapshot(undefined, undefined);

  static of(layers: readonly Layer[]): Snapshot {
    return layers.reduce((snapshot, layer) => snapshot.with(layer), Snapshot.empty);
  }

  with(layer: Layer): Snapshot {
    return new Snapshot(this, layer);
  }

  get layers(): readonly Layer[] {
    return this.#chain().map(({ layer }) => layer);
  }

  tree(): Promise<Tree> {
    return (this.#tree ??= this.#makeTree());
  }

  /** Digest of the tree without mtimes: what cache keys use. */
  async content(): Promise<Digest> {
    return contentDigest(await this.tree());
  }

  /** Overlay lower directories from the bottom up; layers that change nothing have none. */
  async directories(): Promise<LayerDirectory[]> {
    const parts = this.#chain().filter(({ layer }) => !layer.ref.empty);
    const found = await Promise.allSettled(
      parts.map(async ({ layer, below }) => layer.directory(await below.tree())),
    );
    // All of them were looked at: what is damaged is found in one go.
    return found.map((one) => {
      if (one.status === 'rejected') throw one.reason;
      return one.value;
    });
  }

  /** Where the bytes of a file are; undefined when no layer has such content. */
  async find(file: File): Promise<Body | undefined> {
    for (const layer of this.layers.toReversed()) {
      const body = await layer.body(file);
      if (body !== undefined) return body;
    }
    return undefined;
  }

  /** Where the bytes of a file of the tree are. Throws `store` when no layer has them. */
  async body(file: File): Promise<Body> {
    const body = await this.find(file);
    if (body !== undefined) return body;
    throw new TsbuildError('store', `the content ${file.digest} of a file is in no layer of its image`);
  }

  async #makeTree(): Promise<Tree> {
    if (this.below === undefined || this.top === undefined) return emptyTree();
    const [tree, changeset] = await Promise.all([this.below.tree(), this.top.changeset()]);
    return apply(tree, changeset);
  }

  #chain(): { readonly layer: Layer; readonly below: Snapshot }[] {
    if (this.below === undefined || this.top === undefined) return [];
    return [...this.below.#chain(), { layer: this.top, below: this.below }];
  }
}
