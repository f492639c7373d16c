import type { ContextOp } from '../ops.js';
import { makeVertex, type Origin, type Vertex } from '../vertex.js';

/** A build context: `context`, or the full name of a `--build-context`. */
export function contextVertex(name: string, origin: Origin): Vertex<ContextOp> {
  return makeVertex({ kind: 'context', name }, [], { ...origin, name: '[internal] load build context' });
}
