import { randomBytes } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { walkChangeset } from '../layers/changeset.js';
import { mapEntries } from '../layers/map-entries.js';
import { materialise } from '../layers/materialise.js';
import { ownOverlayNamespace } from '../layers/own-namespace.js';
import { emptyTree } from '../layers/tree.js';
import type { Changeset, Metadata } from '../layers/types.js';
import { digestOf } from '../oci/digest.js';
import type { Job } from '../progress/event.js';
import { makeFolders } from '../sys/make-folders.js';
import { removeTree } from '../store/remove-tree.js';
import { toByteString } from '../util/bytes.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import { exportFailure } from './destination.js';
import type { ExportEnvironment, Exporter } from './exporter.js';
import { checkConflicts, mergeFolder } from './merge-folder.js';
import type { OutputSpec } from './output.js';
import { rootFileSystems, type RootFileSystems } from './root-file-systems.js';

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
      const { epoch, index } = environment;
      const options = { platformSplit: spec.platformSplit ?? index, epoch };
      const files = permitted(await rootFileSystems(images, options), job);
      try {
        await writeInto(resolve(environment.cwd, spec.dest), files, job);
      } catch (error) {
        throw exportFailure(error, spec.dest);
      }
      return { descriptor: undefined, configs: images.map(({ configBytes }) => digestOf(configBytes)) };
    },
  };
}

/** What the user may write: everything for root, otherwise files of their own without extended attributes. */
function permitted({ changeset, body }: RootFileSystems, job: Job): RootFileSystems {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  if (uid === 0) return { changeset, body };
  if (hasDevices(changeset)) {
    job.emit({ kind: 'warning', message: 'devices are not exported: only root can make them' });
  }
  const own = (meta: Metadata): Metadata => ({ ...meta, uid, gid, xattrs: undefined });
  const mapped = mapEntries(changeset, {
    leaf: (entry) => ('meta' in entry ? { ...entry, meta: own(entry.meta) } : entry),
    directory: (entry) => (entry.meta === undefined ? entry : { ...entry, meta: own(entry.meta) }),
  });
  return { changeset: mapped, body };
}

function hasDevices(changeset: Changeset): boolean {
  for (const [, entry] of walkChangeset(changeset)) {
    if (entry.kind === 'device' && entry.type !== 'fifo') return true;
  }
  return false;
}

async function writeInto(path: string, { changeset, body }: RootFileSystems, job: Job): Promise<void> {
  const made = await makeFolder(path);
  const dest = await realpath(path);
  const staging = join(dest, `.tsbuild-${randomBytes(6).toString('hex')}`);
  let complete = false;
  try {
    await checkConflicts(toByteString(dest), changeset);
    const bodies: RootFileSystems['body'] = (file) => {
      job.signal.throwIfAborted();
      return body(file);
    };
    await materialise(
      { changeset, bodies },
      emptyTree(),
      toByteString(staging),
      ownOverlayNamespace(toByteString(dest)),
    );
    await mergeFolder(toByteString(staging), toByteString(dest), changeset);
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
    if (errnoCode(error) === 'ENOENT') return makeFolders(path);
    throw error;
  }
  throw new TsbuildError('build', `${JSON.stringify(path)} is not a folder`, { hint: 'choose another dest' });
}
