import { clampTimes } from '../layers/changeset.js';
import { diff } from '../layers/diff.js';
import { joinPath, quoted } from '../layers/path.js';
import { emptyTree } from '../layers/tree.js';
import type { Body, BodySource, Changeset, File, Node, Tree } from '../layers/types.js';
import { formatPlatform } from '../oci/platform.js';
import { toByteString } from '../util/bytes.js';
import { TsbuildError } from '../util/errors.js';
import type { ExportableImage } from './exporter.js';

export interface RootFileSystems {
  /** As a changeset of nothing, so that it can be packed and its times clamped. */
  readonly changeset: Changeset;
  readonly body: BodySource;
}

export interface RootOptions {
  /** One folder per platform (`linux_amd64`), the default for several images; without it they must not overlap. */
  readonly platformSplit: boolean | undefined;
  /** SOURCE_DATE_EPOCH: no file is newer, in seconds. */
  readonly epoch: number | undefined;
}

/** The root file systems of images as one. */
export async function rootFileSystems(
  images: readonly ExportableImage[],
  { platformSplit = images.length > 1, epoch }: RootOptions,
): Promise<RootFileSystems> {
  const trees = await Promise.all(
    images.map(async (image) => [folderOf(image), await image.tree()] as const),
  );
  const empty = emptyTree();
  const whole = platformSplit ? { ...empty, entries: new Map<string, Node>(trees) } : merged(trees);
  const changeset = diff(empty, whole);
  return {
    changeset: epoch === undefined ? changeset : clampTimes(changeset, BigInt(epoch) * 1_000_000_000n),
    body: firstBody(images.map((image) => image.body)),
  };
}

/** As BuildKit names the folders: `linux_amd64`, `linux_arm_v7`. */
function folderOf({ platform }: ExportableImage): string {
  return toByteString(formatPlatform(platform).replaceAll('/', '_'));
}

/** Trees one over the other. As with BuildKit only folders may be in several; of those the last one's metadata count. */
function merged(trees: readonly (readonly [folder: string, tree: Tree])[]): Tree {
  const [first, ...others] = trees;
  if (first === undefined) return emptyTree();
  return others.reduce((below, [folder, tree]) => mergedFolder(below, tree, { folder, path: '' }), first[1]);
}

function mergedFolder(
  below: Tree,
  above: Tree,
  { folder, path }: { readonly folder: string; readonly path: string },
): Tree {
  const entries = new Map(below.entries);
  for (const [name, node] of above.entries) {
    const there = entries.get(name);
    const here = joinPath(path, name);
    if (there === undefined) entries.set(name, node);
    else if (there.kind === 'directory' && node.kind === 'directory') {
      entries.set(name, mergedFolder(there, node, { folder, path: here }));
    } else {
      const message = `${quoted(here)} of ${folder} would replace that of another platform`;
      throw new TsbuildError('build', message, { hint: 'leave out platform-split=false' });
    }
  }
  return { ...above, entries };
}

/** Equal files have equal bytes, whichever image has them. */
function firstBody(sources: readonly BodySource[]): BodySource {
  return async (file: File): Promise<Body> => {
    let failure: unknown;
    for (const source of sources) {
      try {
        return await source(file);
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  };
}
