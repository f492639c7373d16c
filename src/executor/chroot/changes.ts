/** What a step changed in a plain directory: found by inode and change time, which no program can set. */
import { lstatSync, writeFileSync, type BigIntStats } from 'node:fs';
import { makeWhiteouts } from '../../layers/make-whiteouts.js';
import type { LayerDirectory } from '../../layers/types.js';
import { bytePath } from '../../util/bytes.js';
import { copyEntries, listTree, type Listed } from './apply-layer.js';

/** State of a directory tree by path. */
export type Recorded = Map<string, BigIntStats>;

/**
 * Records a tree. `clock` is a file that may be written on the same file system: when this returns, its clock has moved on, so
 * that every later change gets a time that was not recorded. What `leftOut` says so of is not recorded.
 */
export function recordTree(root: string, clock: string, leftOut: (path: string) => boolean): Recorded {
  const wanted = listTree(root).filter(({ path }) => !leftOut(path));
  const recorded = new Map(wanted.map((entry) => [entry.path, entry.stats]));
  const start = touch(clock);
  while (touch(clock) === start);
  return recorded;
}

function touch(path: string): bigint {
  writeFileSync(bytePath(path), 'x');
  return lstatSync(bytePath(path), { bigint: true }).ctimeNs;
}

/** Names of each file that has several, joined, by inode. */
function namesByInode(entries: Iterable<readonly [path: string, stats: BigIntStats]>): Map<bigint, string> {
  const names = new Map<bigint, string>();
  for (const [path, stats] of entries) {
    if (!stats.isDirectory()) names.set(stats.ino, `${names.get(stats.ino) ?? ''}${path}\0`);
  }
  return names;
}

const sameFields = ['mode', 'uid', 'gid', 'size', 'mtimeNs'] as const;

/**
 * Tells whether nothing happened to what stands at a path. A file that gained or lost another name has a new change time too:
 * that alone is no change, as with overlayfs, where another name is another file as soon as it is touched.
 */
function unchangedSince(before: Recorded, now: readonly Listed[]): (entry: Listed) => boolean {
  const [then, since] = [namesByInode(before), namesByInode(now.map(({ path, stats }) => [path, stats]))];
  return ({ path, stats }) => {
    const old = before.get(path);
    if (old === undefined || old.ino !== stats.ino) return false;
    if (old.ctimeNs === stats.ctimeNs) return true;
    if (stats.isDirectory() || then.get(old.ino) === since.get(old.ino)) return false;
    return sameFields.every((name) => old[name] === stats[name]);
  };
}

export interface Changes {
  /** New or changed, and the directories that they lie in; a directory before what is in it. */
  readonly present: readonly Listed[];
  /** Paths that are gone, without those below others. */
  readonly gone: readonly string[];
}

/** What differs from the record. Paths for which `ignored` says so, and all below them, do not count. */
export function findChanges(root: string, before: Recorded, ignored: (path: string) => boolean): Changes {
  const now = listTree(root);
  const isUnchanged = unchangedSince(before, now);
  const left = new Set(before.keys());
  const wanted = new Set<string>(['']);
  for (const entry of now) {
    left.delete(entry.path);
    if (isBelow(entry.path, ignored) || isUnchanged(entry)) continue;
    for (let path = entry.path; path !== ''; path = path.slice(0, path.lastIndexOf('/'))) wanted.add(path);
  }
  const gone = [...left].filter(
    (path) => !isBelow(path, ignored) && !left.has(path.slice(0, path.lastIndexOf('/'))),
  );
  for (const path of gone) {
    for (let at = parentOf(path); at !== ''; at = parentOf(at)) wanted.add(at);
  }
  return { present: now.filter(({ path }) => wanted.has(path)), gone };
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function isBelow(path: string, ignored: (path: string) => boolean): boolean {
  for (let at = path; at !== ''; at = parentOf(at)) if (ignored(at)) return true;
  return false;
}

/** Writes changes in the form of an overlay upper directory, which must be empty. */
export async function writeUpper(
  root: string,
  upper: LayerDirectory,
  { present, gone }: Changes,
): Promise<void> {
  // What replaced a directory hides what was in it.
  const directories = new Set(present.filter(({ stats }) => stats.isDirectory()).map(({ path }) => path));
  const whiteouts = gone.filter((path) => directories.has(parentOf(path)));
  await copyEntries(present, { from: root, to: upper.path });
  await makeWhiteouts(
    whiteouts.map((path) => `${upper.path}${path}`),
    upper.namespace,
  );
}
