import { isDigest, type Digest } from '../oci/digest.js';
import type { LayerIndex, SparseContent } from './read-layer.js';

/** Where the contents of a layer are in its uncompressed tar. */
export type BodyIndex = Pick<LayerIndex, 'bodies' | 'sparse'>;

/** The index as lines: `digest offset`, and for contents with holes their extents as JSON. */
export function* bodyLines({ bodies, sparse }: BodyIndex): Iterable<string> {
  for (const [digest, offset] of bodies) yield `${digest} ${offset}`;
  for (const [digest, content] of sparse) yield `${digest} ${JSON.stringify(content)}`;
}

/** Reads what `bodyLines` gives, many lines at a time. The store vouches for the lines. */
export async function parseBodyLines(batches: AsyncIterable<readonly string[]>): Promise<BodyIndex> {
  const bodies = new Map<Digest, number>();
  const sparse = new Map<Digest, SparseContent>();
  for await (const lines of batches) {
    for (const line of lines) {
      const digest = line.slice(0, line.indexOf(' '));
      if (!isDigest(digest)) continue;
      const place: unknown = JSON.parse(line.slice(digest.length + 1));
      if (typeof place === 'number') bodies.set(digest, place);
      else sparse.set(digest, place as SparseContent);
    }
  }
  return { bodies, sparse };
}
