import { open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Job } from '../progress/event.js';
import { parseIndex } from '../oci/validate.js';
import { makeFolders } from '../sys/make-folders.js';
import { errnoCode, TsbuildError } from '../util/errors.js';
import { memoryMember, type ArchiveMember } from './archive-writer.js';
import { exportFailure, temporaryBeside } from './destination.js';
import type { ExportEnvironment } from './exporter.js';
import { blobPath, indexJson, type ImageLayout } from './image-layout.js';
import { reported } from './transfer.js';

export interface LayoutFolder {
  readonly spec: { readonly dest: string };
  readonly environment: ExportEnvironment;
  readonly layout: ImageLayout;
  /** Files beside the blobs. */
  readonly files: readonly ArchiveMember[];
}

/**
 * Writes an OCI layout as a folder. Images of a layout that is there already stay, but for those with the same names.
 * Each file appears whole, `index.json` last. Throws `build` for a folder of something else.
 */
export async function writeLayoutFolder(folder: LayoutFolder, job: Job): Promise<void> {
  const path = resolve(folder.environment.cwd, folder.spec.dest);
  try {
    const files = await withPresent(path, folder);
    await makeFolders(join(path, 'blobs/sha256'));
    for (const blob of folder.layout.blobs.values()) {
      const content = () => reported(blob, { job, step: folder.environment.step });
      await writeMember(path, { name: blobPath(blob.digest), size: blob.size, content });
    }
    for (const file of files) await writeMember(path, file);
  } catch (error) {
    throw exportFailure(error, folder.spec.dest);
  }
}

/** The files in the order of writing, `index.json` joined with what is there. */
async function withPresent(path: string, { files, layout }: LayoutFolder): Promise<readonly ArchiveMember[]> {
  const names = await namesIn(path);
  const others = files.filter(({ name }) => name !== 'index.json');
  if (names.length === 0) return [...others, ...files.filter(({ name }) => name === 'index.json')];
  if (!names.includes('oci-layout')) {
    throw new TsbuildError('build', `${JSON.stringify(path)} is neither empty nor an OCI layout`, {
      hint: 'choose another dest',
    });
  }
  const present = parseIndex(await readFile(join(path, 'index.json')));
  const own = new Set(layout.named.flatMap(namesOf));
  const kept = present.manifests.filter((manifest) => !namesOf(manifest).some((name) => own.has(name)));
  return [...others, memoryMember('index.json', indexJson([...kept, ...layout.named]))];
}

/** What readers find an image by: both kinds of name must be unique in a layout; the digest serves without one. */
function namesOf({ digest, annotations = {} }: ImageLayout['named'][number]): readonly string[] {
  const names = ['io.containerd.image.name', 'org.opencontainers.image.ref.name'].map(
    (key) => annotations[key],
  );
  const given = names.filter((name) => name !== undefined);
  return given.length === 0 ? [digest] : given;
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function writeMember(root: string, member: ArchiveMember): Promise<void> {
  const path = join(root, member.name);
  await makeFolders(dirname(path));
  const temporary = temporaryBeside(path);
  const handle = await open(temporary, 'wx', 0o666);
  try {
    for await (const chunk of member.content()) await handle.appendFile(chunk);
    await handle.sync();
    await handle.close();
    await rename(temporary, path);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}
