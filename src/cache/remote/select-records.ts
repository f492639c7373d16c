import type { LayerId, LayerRef } from '../../layers/layer.js';
import type { CacheRecord } from '../types.js';
import { recordName, type CacheContent, type KeptRecord } from './content.js';
import { saltedKey, saltedLabel, saltedPart, saltedStep } from './salt.js';

/** `min`: results that the image itself is made of; `max`: all results of the build. */
export type CacheMode = 'min' | 'max';

/** The records that a mode keeps; `image` are the layers of the built image from the bottom up. */
export function selectRecords(
  records: readonly CacheRecord<LayerRef>[],
  mode: CacheMode,
  image: readonly LayerRef[],
): readonly CacheRecord<LayerRef>[] {
  if (mode === 'max') return records;
  return records.filter(({ snapshot }) => snapshot.every(({ id }, i) => id === image[i]?.id));
}

/** Whether a cache has this record with the same layers already. */
export function isKept(record: CacheRecord<LayerRef>, content: CacheContent): boolean {
  return saltsOf(content).some((salt) => {
    const known = content.records.get(recordName({ salt, key: saltedKey(salt, record.key.digest) }));
    return known !== undefined && sameLayers(known.snapshot, record.snapshot);
  });
}

function sameLayers(ids: readonly LayerId[], refs: readonly LayerRef[]): boolean {
  return ids.length === refs.length && ids.every((id, i) => id === refs[i]?.id);
}

/** The salts of a cache, each once. */
export function saltsOf({ records }: CacheContent): readonly string[] {
  return [...new Set([...records.values()].map(({ salt }) => salt))];
}

/** A record in the form in which it may leave the machine. */
export function saltedRecord(record: CacheRecord<LayerRef>, salt: string): KeptRecord {
  const { key, by, step, snapshot, own, inputs, chains, created, duration } = record;
  const parts = by === 'definition' ? key.recipe : [];
  return {
    salt,
    key: saltedKey(salt, key.digest),
    by,
    ...saltedStep(salt, step),
    recipe: parts.map(([label, value]) => [saltedLabel(salt, label), saltedPart(salt, label, value)]),
    snapshot: snapshot.map(({ id }) => id),
    own,
    inputs,
    chains,
    created: Math.max(0, Math.round(created)),
    duration: Math.max(0, Math.round(duration)),
  };
}
