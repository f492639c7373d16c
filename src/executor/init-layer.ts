/**
 * The init layer: a lower directory right above the image's, which holds the mount points that the image lacks. As it
 * is no part of the step's upper, nothing has to be removed from there by path afterwards (CVE-2024-23652), and what
 * the image has planted in these places is covered (CVE-2026-41579).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import type { AttributeChange } from '../sys/attributes.js';
import { bytePath } from '../util/bytes.js';
import type { LowerView, MergedDirectory } from './lower-view.js';
import type { MountPoints } from './mount-points.js';
import type { Xattrs } from './xattr-cache.js';

/** Makes the layer's directories and files below `init`, and in `upper` the directories that the image lacks. */
export function makeInitLayer(points: MountPoints, init: string, upper: string): void {
  const directories = [...points.copies.keys()].map((path) => [path, 'directory'] as const);
  const all = [...directories, ...points.stubs].sort(([a], [b]) => (a < b ? -1 : 1)); // a parent sorts before its children
  for (const [path, kind] of all) {
    const target = bytePath(`${init}/${path}`);
    if (kind === 'directory') mkdirSync(target);
    else writeFileSync(target, '', { flag: 'wx' });
  }
  for (const name of points.lacking) mkdirSync(bytePath(`${upper}/${name}`));
}

/**
 * What is set on these directories before they are mounted, children before parents: copies look like the image's
 * directories, and so does the root, whose metadata an overlay takes from the upper.
 */
export async function initAttributes(
  view: LowerView,
  points: MountPoints,
  paths: { readonly init: string; readonly upper: string },
): Promise<AttributeChange[]> {
  const root = await view.root();
  const copied = [...points.copies.values(), ...(root ? [root] : [])];
  const xattrs = await view.xattrs.read(copied.map(topOf));
  const stubs = [...points.stubs].map(([path, kind]): [string, AttributeChange] => {
    return [path, { path: `${paths.init}/${path}`, ...plain, mode: kind === 'directory' ? 0o755 : 0o644 }];
  });
  const copies = [...points.copies].map(([path, directory]): [string, AttributeChange] => {
    return [path, copyOf(directory, `${paths.init}/${path}`, xattrs.get(topOf(directory)))];
  });
  const made = [...stubs, ...copies].sort(([a], [b]) => (a < b ? 1 : -1)).map(([, change]) => change);
  const lacking = points.lacking.map((name) => ({ path: `${paths.upper}/${name}`, ...plain, mode: 0o755 }));
  const upper = root
    ? copyOf(root, paths.upper, xattrs.get(topOf(root)))
    : { path: paths.upper, ...plain, mode: 0o755 };
  return [...made, ...lacking, upper];
}

const plain = { uid: 0, gid: 0, mtime: 0n } as const;

function topOf({ parts }: MergedDirectory): string {
  return parts[0] ?? '';
}

function copyOf({ stats }: MergedDirectory, path: string, xattrs: Xattrs | undefined): AttributeChange {
  const kept = [...(xattrs ?? [])].filter(([name]) => !/^(trusted|user)\.overlay\./.test(name));
  return {
    path,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    mode: Number(stats.mode & 0o7777n),
    mtime: stats.mtimeNs,
    ...(kept.length > 0 && { xattrs: new Map(kept) }),
  };
}
