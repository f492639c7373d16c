import { join } from 'node:path';
import { hexOf, isDigest, type Digest } from '../oci/digest.js';
import { diskSize } from '../store/disk-size.js';
import type { Store } from '../store/store.js';
import { readCachedResults, type CachedResult } from './cached-results.js';

/** What one step made: the records that lead to one layer of its own. */
export interface CacheEntry {
  /** By definition when there is such a record. */
  readonly key: Digest;
  readonly results: readonly CachedResult[];
  readonly stage: string;
  readonly instruction: string;
  /** `RUN`, `COPY`… */
  readonly type: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** When it, or a step made on it, was used last: milliseconds since 1970. */
  readonly used: number;
  /** Milliseconds that it took to make. */
  readonly duration: number;
  /** How many layers lie below its own. */
  readonly depth: number;
  /** It, or a step made on it, is pinned. */
  readonly pinned: boolean;
  /** Bytes on disk of its own layer in all forms, shared with an image or not. */
  readonly size: number;
}

/** The entries of the cache, those used last first. */
export async function readCacheEntries(store: Store): Promise<readonly CacheEntry[]> {
  const results = await readCachedResults(store);
  const uses = usesOf(results);
  const folders = await store.directories.list();
  const entries: CacheEntry[] = [];
  for (const [layer, members] of byOwnLayer(results)) {
    const [first] = members.toSorted((a, b) => order(a) - order(b) || b.used - a.used);
    const use = uses.get(layer);
    if (first === undefined || use === undefined) continue;
    const { key, step, created, duration } = first.record;
    entries.push({
      key: key.digest,
      results: members,
      stage: step.stage,
      instruction: step.instruction,
      type: step.place.split(' ')[0] ?? '',
      created,
      duration,
      ...use,
      depth: first.layers.length - 1,
      size: await layerSize(store, hexOf(layer), folders),
    });
  }
  return entries.sort((a, b) => b.used - a.used || a.depth - b.depth);
}

function order({ record }: CachedResult): number {
  return record.by === 'definition' ? 0 : 1;
}

/** A layer is used, and pinned, with everything that lies on it. */
function usesOf(results: readonly CachedResult[]): ReadonlyMap<Digest, Pick<CacheEntry, 'used' | 'pinned'>> {
  const uses = new Map<Digest, Pick<CacheEntry, 'used' | 'pinned'>>();
  for (const { layers, used, pinned } of results) {
    for (const layer of layers) {
      const known = uses.get(layer) ?? { used: 0, pinned: false };
      uses.set(layer, { used: Math.max(known.used, used), pinned: known.pinned || pinned });
    }
  }
  return uses;
}

function byOwnLayer(results: readonly CachedResult[]): ReadonlyMap<Digest, readonly CachedResult[]> {
  const groups = new Map<Digest, CachedResult[]>();
  for (const result of results) {
    const layer = result.layers.at(-1);
    if (layer === undefined) continue;
    const group = groups.get(layer) ?? [];
    group.push(result);
    groups.set(layer, group);
  }
  return groups;
}

/** Bytes of the changeset, the unpacked forms and the plain tar of a layer. */
async function layerSize(store: Store, hex: string, folders: readonly string[]): Promise<number> {
  const names = folders.filter((name) => name.startsWith(`${hex}-`));
  const paths = names.map((name) => `directories/v1/${name}`);
  const parts = await Promise.all(
    [...paths, `changesets/v1/${hex.slice(0, 2)}/${hex}`].map((path) => diskSize(join(store.root, path))),
  );
  const plain = await store.records('layer-diffid').get(hex);
  const diffId = typeof plain === 'object' && plain !== null && 'diffId' in plain ? plain.diffId : undefined;
  const blob = isDigest(diffId) ? await store.blobs.has(diffId) : undefined;
  return parts.reduce((sum, size) => sum + size, blob?.size ?? 0);
}
