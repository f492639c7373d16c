import {
  constants,
  copyFileSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { deviceOf, fileType } from '../../layers/stat.js';
import { isOverlayXattr, opaqueXattr, plainWhiteoutXattr } from '../../layers/overlay-format.js';
import type { LayerDirectory } from '../../layers/types.js';
import { applyAttributes, type AttributeChange } from '../../sys/attributes.js';
import { makeNodes, type NodeToMake } from '../../sys/nodes.js';
import { removeTree } from '../../sys/remove-tree.js';
import { readXattrs } from '../../sys/xattrs.js';
import { bytePath } from '../../util/bytes.js';
import { errnoCode } from '../../util/errors.js';

/** Makes in `root` (an absolute byte string) what overlayfs would show with `layer` on top of it. */
export async function applyLayer({ path: layer, namespace }: LayerDirectory, root: string): Promise<void> {
  const seen = listTree(layer);
  const xattrs = await readXattrs(seen.map(({ path }) => `${layer}${path}`));
  const opaque = (path: string): boolean => {
    const own = xattrs.get(`${layer}${path}`);
    const value = own?.get(opaqueXattr(namespace));
    return value !== undefined && Buffer.from(value).toString('latin1') === 'y';
  };
  const whiteout = ({ path, stats }: Listed): boolean =>
    isWhiteout(stats) ||
    (namespace === 'plain' && (xattrs.get(`${layer}${path}`)?.has(plainWhiteoutXattr) ?? false));
  for (const entry of seen) {
    const { path, stats } = entry;
    if (whiteout(entry) || (stats.isDirectory() && path !== '' && opaque(path)))
      await removeTree(`${root}${path}`);
    else if (!stats.isDirectory() || !isDirectory(`${root}${path}`)) await removeTree(`${root}${path}`);
  }
  await copyEntries(
    seen.filter((entry) => !whiteout(entry)),
    { from: layer, to: root },
  );
}

/** A path below a folder, beginning with a slash; '' is the folder itself. */
export interface Listed {
  readonly path: string;
  readonly stats: BigIntStats;
}

/** Everything below a folder and itself, a directory before what is in it. Links are not followed. */
export function listTree(top: string): Listed[] {
  const root = { path: '', stats: lstatSync(bytePath(top), { bigint: true }) };
  const all: Listed[] = [root];
  for (let index = 0; index < all.length; index += 1) {
    const at = all[index];
    if (at === undefined || !at.stats.isDirectory()) continue;
    for (const name of readdirSync(bytePath(`${top}${at.path}`), { encoding: 'buffer' })) {
      const path = `${at.path}/${name.toString('latin1')}`;
      all.push({ path, stats: lstatSync(bytePath(`${top}${path}`), { bigint: true }) });
    }
  }
  return all;
}

interface Copying {
  readonly from: string;
  readonly to: string;
}

/**
 * Copies entries with everything that a layer records of them, hard links among them included. Directories that are
 * there already are kept; sockets are left out. Attributes of overlayfs stay behind.
 */
export async function copyEntries(entries: readonly Listed[], { from, to }: Copying): Promise<void> {
  const links = new Map<string, string>();
  const nodes: NodeToMake[] = [];
  const copied = entries.filter(({ stats }) => fileType(stats) !== 'socket');
  for (const { path, stats } of copied) {
    const key = stats.isDirectory() || stats.nlink === 1n ? undefined : `${stats.dev}:${stats.ino}`;
    const first = key === undefined ? undefined : links.get(key);
    if (first !== undefined) linkSync(bytePath(`${to}${first}`), bytePath(`${to}${path}`));
    else copyEntry({ path, stats }, { from, to }, nodes);
    if (key !== undefined) links.set(key, first ?? path);
  }
  await makeNodes(nodes);
  const xattrs = await readXattrs(copied.map(({ path }) => `${from}${path}`));
  // From the innermost out: what is made in a directory changes its time.
  await applyAttributes(
    copied.map((entry) => attributesOf(entry, xattrs.get(`${from}${entry.path}`), to)).reverse(),
  );
}

function copyEntry({ path, stats }: Listed, { from, to }: Copying, nodes: NodeToMake[]): void {
  const [source, target] = [bytePath(`${from}${path}`), bytePath(`${to}${path}`)];
  const type = fileType(stats);
  if (type === 'directory') makeDirectory(`${to}${path}`);
  else if (type === 'file')
    copyFileSync(source, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  else if (type === 'symlink') {
    symlinkSync(readlinkSync(source, { encoding: 'buffer' }), target);
    lchownSync(target, Number(stats.uid), Number(stats.gid));
  } else if (type !== 'socket') {
    nodes.push({ path: `${to}${path}`, type, mode: Number(stats.mode & 0o7777n), ...deviceOf(stats.rdev) });
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(bytePath(path), 0o700);
  } catch (error) {
    if (errnoCode(error) !== 'EEXIST') throw error;
  }
}

function attributesOf(
  { path, stats }: Listed,
  xattrs: ReadonlyMap<string, Uint8Array> | undefined,
  to: string,
): AttributeChange {
  const kept = [...(xattrs ?? [])].filter(([name]) => !isOverlayXattr(name) && name !== 'security.selinux');
  return {
    path: `${to}${path}`,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    mode: Number(stats.mode & 0o7777n),
    mtime: stats.mtimeNs,
    ...(kept.length > 0 && { xattrs: new Map(kept) }),
  };
}

function isWhiteout(stats: BigIntStats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0n;
}

function isDirectory(path: string): boolean {
  try {
    return lstatSync(bytePath(path)).isDirectory();
  } catch (error) {
    if (errnoCode(error) === 'ENOENT' || errnoCode(error) === 'ENOTDIR') return false;
    throw error;
  }
}
