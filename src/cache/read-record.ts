import { isDigest } from '../oci/digest.js';
import { makeKey } from './key.js';
import type { CacheKey, CacheRecord, Recipe, StepIdentity } from './types.js';

/** Bucket of the results by the hex digits of their key. */
export const resultsBucket = 'cache';

/**
 * Guards a record that was read from disk or from another machine. Undefined for anything that we would not write, and
 * for one whose key is not the digest of its recipe: that was damaged or forged.
 */
export function readCacheRecord<L>(
  value: unknown,
  isLayer: (layer: unknown) => layer is L,
): CacheRecord<L> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const record = value as Partial<CacheRecord<L>>;
  const { snapshot, own, inputs, chains, created, duration } = record;
  if (!isKey(record.key) || !isStep(record.step)) return undefined;
  if (record.by !== 'definition' && record.by !== 'content') return undefined;
  if (!Array.isArray(snapshot) || snapshot.length === 0 || !snapshot.every((layer) => isLayer(layer)))
    return undefined;
  if (!isDigests(inputs) || !isDigests(chains) || inputs.length !== chains.length) return undefined;
  if (typeof created !== 'number' || typeof own !== 'number' || typeof duration !== 'number')
    return undefined;
  return makeKey(record.key.recipe).digest === record.key.digest ? (record as CacheRecord<L>) : undefined;
}

function isDigests(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isDigest);
}

function isKey(value: unknown): value is CacheKey {
  if (typeof value !== 'object' || value === null) return false;
  const { digest, recipe } = value as Partial<CacheKey>;
  return isDigest(digest) && isRecipe(recipe);
}

function isRecipe(value: unknown): value is Recipe {
  return (
    Array.isArray(value) &&
    value.every(
      (part: unknown) =>
        Array.isArray(part) && part.length === 2 && part.every((text) => typeof text === 'string'),
    )
  );
}

function isStep(value: unknown): value is StepIdentity {
  if (typeof value !== 'object' || value === null) return false;
  const { dockerfile, stage, instruction, place } = value as Partial<StepIdentity>;
  return [dockerfile, stage, instruction, place].every((text) => typeof text === 'string');
}
