import type { Recipe } from '../../cache/types.js';
import { Snapshot } from '../../layers/snapshot.js';
import type { ImageOp } from '../ops.js';
import type { Workshop } from '../runner.js';
import type { Vertex } from '../vertex.js';

/** A base is its config digest, which names its layers: equal for a tag, a digest or a copy under another name. */
export function imageRecipe(op: ImageOp): Recipe {
  return [
    ['op', op.kind],
    ['base image', op.config],
  ];
}

/** The image's layers by reference; nothing is downloaded. */
export async function imageSnapshot(vertex: Vertex<ImageOp>, { layers }: Workshop): Promise<Snapshot> {
  const { op } = vertex;
  const opened = await Promise.all(
    op.layers.map(({ diffId, blob }) => layers.fromBlob(diffId, blob, op.created)),
  );
  return layers.snapshot(opened.map((layer) => layer.ref));
}
