import { randomBytes } from 'node:crypto';
import { mkdir, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { digestOf } from '../oci/digest.js';
import type { Job } from '../progress/event.js';
import { removeTree } from '../store/remove-tree.js';
import { toByteString } from '../util/bytes.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import { exportFailure } from './destination.js';
import type { ExportEnvironment, Exporter } from './exporter.js';
import { checkConflicts, mergeFolder } from './merge-folder.js';
import type { OutputSpec } from './output.js';
import { rootFileSystems } from './root-file-systems.js';
import { setFolderAttributes, writeTree } from './write-tree.js';

/**
 * Writes the root file system into a folder, joining what is there: files are replaced, folders kept. Everything is
 * written below a temporary folder inside the destination first, and moved when it is complete. Owners, devices
 * and extended attributes are set by root only. Symbolic links in the destination are never followed.
 */
export function localExporter(
  spec: Extract<OutputSpec, { type: 'local' }>,
  environment: ExportEnvironment,
): Exporter {
  return {
    async export(images, job) {
      const options = { platformSplit: spec.platformSplit, epoch: environment.epoch };
      const files = await rootFileSystems(images, options);
      try {
        await writeInto(resolve(environment.cwd, spec.dest), files, job);
      } catch (error) {
        throw exportFailure(error, spec.dest);
      }
      return { descriptor: undefined, configs: images.map(({ configBytes }) => digestOf(configBytes)) };
    },
  };
}

async function writeInto(
  path: string,
  { changeset, body }: Awaited<ReturnType<typeof rootFileSystems>>,
  job: Job,
): Promise<void> {
  const made = await makeFolder(path);
  const dest = await realpath(path);
  const staging = join(dest, `.tsbuild-${randomBytes(6).toString('hex')}`);
  let complete = false;
  try {
    await checkConflicts(toByteString(dest), changeset);
    await mkdir(staging, { mode: 0o700 });
    const folders = await writeTree({ changeset, body, path: toByteString(staging) }, job);
    await mergeFolder(toByteString(staging), toByteString(dest));
    await setFolderAttributes(toByteString(dest), folders);
    complete = true;
  } finally {
    await removeTree(staging);
    if (!complete && made !== undefined) await removeTree(made);
  }
}

/** Gives the topmost folder that had to be made, if any. */
async function makeFolder(path: string): Promise<string | undefined> {
  try {
    if ((await stat(path)).isDirectory()) return undefined;
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return mkdir(path, { recursive: true });
    throw error;
  }
  throw new TsbuildError('build', `${JSON.stringify(path)} is not a folder`, { hint: 'choose another dest' });
}
