/** Root file systems for images of tests, made by scripts/make-bases.sh and kept from one run to the next. */
import { constants, copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runProgram } from './programs.js';
import { projectRoot } from './project.js';

/** `busybox`: 2 MB, users root, app (1000) and nobody. `debian`: with apt, python3 and setcap. `debian-gcc`: with a compiler. */
export type BaseName = 'busybox' | 'debian' | 'debian-gcc';
export type BaseArchive = 'rootfs.tar' | 'rootfs.tar.gz' | 'rootfs.tar.zst';

/** The folder that holds the base's archives, or undefined where it cannot be made (no mmdebstrap, no mirror…). */
export async function findBase(name: BaseName): Promise<string | undefined> {
  const made = await runProgram([join(projectRoot, 'scripts/make-bases.sh'), name], { timeout: 280_000 });
  return made.code === 0 ? made.stdout.trim() : undefined;
}

/** Puts a base's archive into a build context, without a copy where the file system allows. */
export function placeBase(base: string, context: string, archive: BaseArchive = 'rootfs.tar'): void {
  const target = join(context, archive);
  mkdirSync(dirname(target), { recursive: true });
  // No hard link: one more name changes the ctime of the file, which is how a build sees that its context changed.
  copyFileSync(join(base, archive), target, constants.COPYFILE_FICLONE);
}
