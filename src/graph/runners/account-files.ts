import { readSmallBody } from '../../layers/body.js';
import type { Snapshot } from '../../layers/snapshot.js';
import { resolve } from '../../layers/resolve.js';

/** Bytes of /etc/passwd or /etc/group that are read at the most, so that a hostile image cannot fill the memory. */
const limit = 10 * 1024 * 1024;

export interface AccountFiles {
  readonly passwd?: Uint8Array | undefined;
  readonly group?: Uint8Array | undefined;
}

/** /etc/passwd and /etc/group of a root, found inside it; absent when they are no regular files. */
export async function accountFiles(root: Snapshot): Promise<AccountFiles> {
  const [passwd, group] = await Promise.all([readFile(root, 'etc/passwd'), readFile(root, 'etc/group')]);
  return { passwd, group };
}

async function readFile(root: Snapshot, path: string): Promise<Uint8Array | undefined> {
  const { node } = resolve(await root.tree(), path);
  return node?.kind === 'file' ? readSmallBody(await root.body(node), limit) : undefined;
}

/** Whether a user or owner is given by number only, so that no account file is needed. */
export function isNumericAccount(spec: string): boolean {
  return /^\d+:\d+$/.test(spec);
}
