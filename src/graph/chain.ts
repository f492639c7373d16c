import type { LayerRef } from '../layers/layer.js';
import { digestOf, type Digest } from '../oci/digest.js';

/** Names one result: the layers of a snapshot, file times included. */
export function chainDigest(layers: readonly LayerRef[]): Digest {
  return digestOf(layers.map(({ id }) => id).join(' '));
}
