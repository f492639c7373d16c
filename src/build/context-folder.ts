import { scanContext, type ScannedContext } from '../layers/scan-context.js';
import type { IgnoreMatcher } from '../parser/ignore.js';
import { toByteString } from '../util/bytes.js';
import { once } from '../util/once.js';
import type { BuildContext, ContextTools } from './build-context.js';
import { HashCache } from './hash-cache.js';

export interface ContextFolder {
  /** Absolute. */
  readonly path: string;
  readonly shown: string;
  readonly ignore: IgnoreMatcher;
}

/** A folder of this machine; contents are hashed when a step selects them, and remembered between builds. */
export function folderContext(
  folder: ContextFolder,
  tools: Pick<ContextTools, 'store' | 'job'>,
): BuildContext {
  const { path, shown, ignore } = folder;
  return { shown, identity: path, ignore, files: once(() => scanFolder(folder, tools)), time: undefined };
}

async function scanFolder(
  { path, ignore }: ContextFolder,
  { store, job }: Pick<ContextTools, 'store' | 'job'>,
): Promise<ScannedContext> {
  const hashes = await HashCache.open(store, path);
  const onSkipped = (skipped: string) =>
    job.emit({
      kind: 'warning',
      message: `${JSON.stringify(skipped)} is left out: a layer cannot hold it`,
    });
  const scanned = await scanContext(toByteString(path), ignore, { hashCache: hashes, onSkipped });
  const hash: ScannedContext['hash'] = async (files) => {
    await scanned.hash(files);
    await hashes.save();
  };
  return { ...scanned, hash, ignoreFile: ignore.file };
}
