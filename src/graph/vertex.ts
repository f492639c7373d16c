import type { StepIdentity } from '../cache/types.js';
import { canonicalJson } from '../oci/canonical-json.js';
import { digestOf, type Digest } from '../oci/digest.js';
import type { SourceRange } from '../util/source.js';
import type { Op } from './ops.js';

/** What people see of a vertex, and how it is found again in the next build. In no digest. */
export interface Origin {
  /** `[build 3/5] RUN make`. */
  readonly name: string;
  readonly identity: StepIdentity;
  readonly range?: SourceRange | undefined;
  /** `--no-cache`, `--refresh`: the cache is not asked, its result is kept. */
  readonly ignoreCache: boolean;
  /** Milliseconds that its result counts, said by a comment above the instruction. */
  readonly ttl?: number | undefined;
  /** Names of the variables of the step that are build arguments: for people. */
  readonly buildArguments?: readonly string[] | undefined;
}

/** A node of the build graph: an operation on the results of other vertices. */
export interface Vertex<O extends Op = Op> {
  readonly op: O;
  readonly inputs: readonly Vertex[];
  /** Digest of the op and of its inputs' digests: equal vertices are solved once. */
  readonly digest: Digest;
  readonly origin: Origin;
}

export function makeVertex<O extends Op>(op: O, inputs: readonly Vertex[], origin: Origin): Vertex<O> {
  const digest = digestOf(canonicalJson({ op, inputs: inputs.map((input) => input.digest) }));
  return { op, inputs, digest, origin };
}

/** All vertices that the given ones need, and they themselves: inputs before what uses them, each once. */
export function ancestry(...targets: readonly Vertex[]): readonly Vertex[] {
  const seen = new Map<Digest, Vertex>();
  const stack: { readonly vertex: Vertex; readonly ready: boolean }[] = targets
    .toReversed()
    .map((vertex) => ({ vertex, ready: false }));
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    if (item.ready) {
      seen.set(item.vertex.digest, item.vertex);
    } else if (!seen.has(item.vertex.digest)) {
      stack.push({ vertex: item.vertex, ready: true });
      for (const input of item.vertex.inputs.toReversed()) stack.push({ vertex: input, ready: false });
    }
  }
  return [...seen.values()];
}
