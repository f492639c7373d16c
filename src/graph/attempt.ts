import { makeKey } from '../cache/key.js';
import type { CacheKey, CacheRecord } from '../cache/types.js';
import type { LayerRef } from '../layers/layer.js';
import type { Snapshot } from '../layers/snapshot.js';
import { digestOf, type Digest } from '../oci/digest.js';
import { chainDigest } from './chain.js';
import { isSource, prepare } from './dispatch.js';
import type { Facts } from './plan.js';
import type { Prepared, Workshop } from './runner.js';
import type { Vertex } from './vertex.js';

/** With solved inputs: what they hold, and how the step is keyed and done. */
export interface Attempt {
  readonly prepared: Prepared;
  readonly contentKey: CacheKey;
  /** Content digests of the inputs. */
  readonly contents: readonly Digest[];
  readonly inputs: readonly Snapshot[];
}

/** The record of a definition key, unless it is refused. */
export function usableRecord(facts: Facts | undefined): CacheRecord<LayerRef> | undefined {
  return facts?.refusal === undefined ? facts?.record : undefined;
}

/** Reads what the inputs hold, so that the step has a content key. */
export async function attempt(vertex: Vertex, inputs: readonly Snapshot[], shop: Workshop): Promise<Attempt> {
  const prepared = await prepare(vertex, inputs, shop);
  const contents = await Promise.all(
    vertex.inputs.map(async (input, i) =>
      isSource(input) ? sourceDigest(input) : ((await inputs[i]?.content()) ?? input.digest),
    ),
  );
  return { prepared, contentKey: makeKey(prepared.recipe), contents, inputs };
}

/** Names the results that a step was made on, in the order of its inputs. */
export function chains(vertex: Vertex, inputs: readonly Snapshot[]): readonly Digest[] {
  return vertex.inputs.map((input, i) =>
    isSource(input) ? sourceDigest(input) : chainDigest((inputs[i]?.layers ?? []).map(({ ref }) => ref)),
  );
}

/** An image holds what its layers are, whatever it is called and configured. */
function sourceDigest({ op, digest }: Vertex): Digest {
  return op.kind === 'image' ? digestOf(op.layers.map(({ diffId }) => diffId).join(' ')) : digest;
}

export function equal(a: readonly Digest[], b: readonly Digest[]): boolean {
  return a.length === b.length && a.every((digest, i) => digest === b[i]);
}
