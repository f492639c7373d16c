import { clampTimes } from '../layers/changeset.js';
import { diff } from '../layers/diff.js';
import { emptyTree } from '../layers/tree.js';
import type { Body, BodySource, Changeset, File, Node } from '../layers/types.js';
import { formatPlatform } from '../oci/platform.js';
import { toByteString } from '../util/bytes.js';
import { configPlatform } from './assemble.js';
import type { ExportableImage } from './exporter.js';

export interface RootFileSystems {
  /** As a changeset of nothing, so that it can be packed and its times clamped. */
  readonly changeset: Changeset;
  readonly body: BodySource;
}

export interface RootOptions {
  /** One folder per platform (`linux_amd64`); the default for several images. */
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
  const [only] = trees;
  const empty = emptyTree();
  const whole =
    only !== undefined && !platformSplit ? only[1] : { ...empty, entries: new Map<string, Node>(trees) };
  const changeset = diff(empty, whole);
  return {
    changeset: epoch === undefined ? changeset : clampTimes(changeset, BigInt(epoch) * 1_000_000_000n),
    body: firstBody(images.map((image) => image.body)),
  };
}

/** As BuildKit names the folders: `linux_amd64`, `linux_arm_v7`. */
function folderOf({ config }: ExportableImage): string {
  return toByteString(formatPlatform(configPlatform(config)).replaceAll('/', '_'));
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
