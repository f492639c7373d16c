import { statfs } from 'node:fs/promises';
import { collectGarbage, type Collected } from '../store/collect-garbage.js';
import type { Store } from '../store/store.js';
import { TsbuildError } from '../util/errors.js';
import { readCacheEntries } from './cache-entries.js';
import { chooseEvicted, type EvictionPolicy } from './choose-evicted.js';
import { markKept } from './retain.js';

/** Limits of the space that a cache takes (bytes). */
export interface SpaceLimits {
  readonly maxUsed?: number | undefined;
  readonly reserved?: number | undefined;
  /** Space that the disk should have. */
  readonly minFree?: number | undefined;
}

export interface CacheCollection extends Pick<EvictionPolicy, 'matches' | 'usedSince'>, SpaceLimits {
  /** Since when what is remembered besides results, such as hashes of files, must have been used to stay; `usedSince`. */
  readonly rememberedSince?: number | undefined;
  readonly dryRun?: boolean | undefined;
  /** Deletes what else should go, while no build uses the store. */
  readonly also?: (() => Promise<void>) | undefined;
  readonly signal: AbortSignal;
}

/**
 * Deletes cached results by a policy, and everything that no name and no result needs any more. Throws `store` when a
 * build uses the store.
 */
export async function collectCache(store: Store, policy: CacheCollection): Promise<Collected> {
  const {
    usedSince = 0,
    rememberedSince = usedSince,
    minFree,
    dryRun = false,
    signal,
    also,
    ...limits
  } = policy;
  return collectGarbage(store, {
    mark: async (marks, images) => {
      await also?.();
      const free = minFree === undefined ? undefined : { wanted: minFree, free: await freeSpace(store) };
      const entries = await readCacheEntries(store);
      const evicted = chooseEvicted(entries, { ...limits, usedSince, minFree: free });
      const gone = new Set([...evicted].flatMap(({ results }) => results.map(({ hex }) => hex)));
      const keeps = ({ hex }: { readonly hex: string }): boolean => !gone.has(hex);
      await markKept(store, { marks, images, keeps, usedSince: rememberedSince });
    },
    dryRun,
    signal,
  });
}

/** Bytes that the disk of the store has for us. */
async function freeSpace({ root }: Store): Promise<number> {
  const { bavail, bsize } = await statfs(root);
  return bavail * bsize;
}

/** Record of when the space was looked at last. */
const bucket = 'cache-collections';
const key = '0'.repeat(64);
/** Measuring a store reads all of its folders: builds do it this seldom (milliseconds). */
const interval = 3_600_000;

/** Limits that hold at the end of builds when nobody says others. */
export const defaultLimits = { reserved: 10_000_000_000, freeShare: 0.1 } as const;

/**
 * The collection at the end of a build: looks at the space of the disk, and at the size of the cache once an hour.
 * Undefined when there was nothing to do, or another build uses the store.
 */
export async function collectAfterBuild(
  store: Store,
  {
    limits,
    now,
    signal,
  }: { readonly limits: SpaceLimits; readonly now: number; readonly signal: AbortSignal },
): Promise<Collected | undefined> {
  const { bavail, blocks, bsize } = await statfs(store.root);
  const minFree = limits.minFree ?? blocks * bsize * defaultLimits.freeShare;
  const isDue = now - (await lastLook(store)) > interval;
  if (bavail * bsize >= minFree && (limits.maxUsed === undefined || !isDue)) return undefined;
  await store.records(bucket).put(key, { looked: now });
  try {
    return await collectCache(store, { reserved: defaultLimits.reserved, ...limits, minFree, signal });
  } catch (error) {
    // Another build uses the store: the last one collects. What was built is good in any case.
    if (error instanceof TsbuildError) return undefined;
    throw error;
  }
}

async function lastLook(store: Store): Promise<number> {
  const value = await store.records(bucket).get(key);
  const looked = typeof value === 'object' && value !== null && 'looked' in value ? value.looked : 0;
  return typeof looked === 'number' ? looked : 0;
}
