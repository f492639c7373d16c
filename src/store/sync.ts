import { open } from 'node:fs/promises';
import { firstInheritedFd, play } from '../sys/player.js';
import { closing } from './publish.js';

/** Waits until everything written to the file system of `folder` is on the disk (syncfs(2)). */
export async function syncFileSystem(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await closing(handle, () =>
    play(
      {
        operations: [
          { call: 'syncfs', args: [firstInheritedFd] },
          { call: 'exit_group', args: [0] },
        ],
      },
      { fds: [handle.fd] },
    ),
  );
}
