import { join } from 'node:path';
import { hexOf, isDigest, type Digest } from '../oci/digest.js';
import { diskSize } from '../store/disk-size.js';
import type { Store } from '../store/store.js';
import { readCachedResults, type CachedResult } from './cached-results.js';

/** What one step made: its records that lead to one layer of its own. */
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
  /** Bytes on disk of its own layer in all forms, shared with an image or not; 0 when `shared`. */
  readonly size: number;
  /** Another step, used later, made an equal layer: its entry has the size. */
  readonly shared: boolean;
}

/** The entries of the cache, those used last first. */
export async function readCacheEntries(store: Store): Promise<readonly CacheEntry[]> {
  const results = await readCachedResults(store);
  const uses = usesOf(results);
  const folders = await store.directories.list();
  const entries: CacheEntry[] = [];
  const sized = new Set<Digest>();
  for (const members of byStep(results)) {
    const [first] = members.toSorted((a, b) => order(a) - order(b) || b.used - a.used);
    const layer = first?.layers.at(-1);
    const use = layer && uses.get(layer);
    if (first === undefined || layer === undefined || use === undefined) continue;
    const { key, step, created, duration } = first.record;
    const shared = sized.has(layer);
    sized.add(layer);
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
      size: shared ? 0 : await layerSize(store, hexOf(layer), folders),
      shared,
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

/** Groups of the results of one step with one layer of its own, those used last first. */
function byStep(results: readonly CachedResult[]): Iterable<readonly CachedResult[]> {
  const groups = new Map<string, CachedResult[]>();
  for (const result of results.toSorted((a, b) => b.used - a.used)) {
    const { dockerfile, stage, instruction } = result.record.step;
    const name = JSON.stringify([result.layers.at(-1), dockerfile, stage, instruction]);
    const group = groups.get(name) ?? [];
    group.push(result);
    groups.set(name, group);
  }
  return groups.values();
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
