import { accessSync, constants, mkdtempSync, openSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TsbuildError } from '../util/errors.js';
import { playerElf, type Arch } from './player-elf.js';

/** Kept for the life of the process: the file has no name any more, the kernel frees it with the descriptor. */
let player: number | undefined;

/**
 * Path under which the player can be executed by a child of this process. It names a descriptor: the file itself is
 * written once per process to a private directory and unlinked, so that nobody can replace it and nothing is left.
 * `directory` is tried before the usual temporary ones; a directory mounted noexec is passed over. Throws `sandbox`.
 */
export function playerPath(directory?: string): string {
  player ??= writePlayer([
    ...(directory === undefined ? [] : [directory]),
    tmpdir(),
    '/var/tmp',
    '/dev/shm',
    '/run',
  ]);
  // Not /proc/self: a child arranges its descriptors before it executes, and may have another file there.
  return `/proc/${process.pid}/fd/${player}`;
}

/** Architecture of this process. Throws `unsupported` where there is no player for it. */
export function hostArch(): Arch {
  if (process.arch === 'x64' || process.arch === 'arm64') return process.arch;
  throw new TsbuildError('unsupported', `tsbuild does not run on ${process.arch}`, {
    hint: 'use x64 or arm64',
  });
}

function writePlayer(directories: readonly string[]): number {
  const causes: unknown[] = [];
  for (const directory of directories) {
    try {
      return writePlayerTo(directory);
    } catch (error) {
      causes.push(error);
    }
  }
  throw new TsbuildError('sandbox', 'no directory takes an executable file', {
    hint: `make one of these writable and not noexec: ${directories.join(', ')}`,
    cause: new AggregateError(causes),
  });
}

/** Synchronous, so that an exit of the process cannot come in between and leave the directory. */
function writePlayerTo(directory: string): number {
  const own = mkdtempSync(join(directory, '.tsbuild-'));
  const path = join(own, 'player');
  try {
    writeFileSync(path, playerElf(hostArch()), { flag: 'wx', mode: 0o500 });
    try {
      accessSync(path, constants.X_OK); // also fails on a noexec mount
      return openSync(path, 'r');
    } finally {
      unlinkSync(path);
    }
  } finally {
    rmdirSync(own);
  }
}
