import type { CacheEntry } from './cache-entries.js';

/** Which entries of a cache may go. Bytes and milliseconds since 1970; undefined members limit nothing. */
export interface EvictionPolicy {
  /** Only these are looked at. */
  readonly matches?: ((entry: CacheEntry) => boolean) | undefined;
  /** Entries that were used since then stay, as far as the limits of space allow. Infinity: none stays. */
  readonly usedSince?: number | undefined;
  /** The cache may not be larger. */
  readonly maxUsed?: number | undefined;
  /** Space that the disk should have; `free` is what it has. */
  readonly minFree?: { readonly wanted: number; readonly free: number } | undefined;
  /** As long as the cache is not larger than this, the limits of space delete nothing. */
  readonly reserved?: number | undefined;
}

/**
 * The entries to delete: those that are too old, then those used longest ago until the limits hold. What lies on a
 * layer goes before the layer; pinned entries never go.
 */
export function chooseEvicted(
  entries: readonly CacheEntry[],
  { matches = () => true, usedSince, maxUsed = Infinity, minFree, reserved = 0 }: EvictionPolicy,
): ReadonlySet<CacheEntry> {
  const evicted = new Set<CacheEntry>();
  let total = entries.reduce((sum, { size }) => sum + size, 0);
  let lacking = minFree === undefined ? 0 : minFree.wanted - minFree.free;
  const candidates = entries
    .filter((entry) => !entry.pinned && matches(entry))
    .toSorted((a, b) => a.used - b.used || b.depth - a.depth);
  for (const entry of candidates) {
    const tooOld = usedSince !== undefined && entry.used < usedSince;
    const tooMuch = total > reserved && (total > maxUsed || lacking > 0);
    if (!tooOld && !tooMuch) continue;
    evicted.add(entry);
    total -= entry.size;
    lacking -= entry.size;
  }
  return evicted;
}
