import type { Recipe } from '../../cache/types.js';
import type { ScannedContext } from '../../layers/scan-context.js';
import type { File, Tree } from '../../layers/types.js';
import { toByteString } from '../../util/bytes.js';
import type { GitOp, HttpOp, Op } from '../ops.js';
import type { Workshop } from '../runner.js';

/** Sources of ADD that are elsewhere. */
export type RemoteOp = HttpOp | GitOp;

export function isRemote(op: Op): op is RemoteOp {
  return op.kind === 'http' || op.kind === 'git';
}

/**
 * What a remote source is now: the digest of a download or a commit, never the address alone. `place` is the number of
 * the input.
 */
export async function remoteRecipe(op: RemoteOp, place: number, { remotes }: Workshop): Promise<Recipe> {
  const sources = await remotes();
  if (op.kind === 'http') {
    const { digest, name } = await sources.http.file(op);
    return [
      [`download of source ${place}`, digest],
      [`file name of source ${place}`, name],
    ];
  }
  const { url, subdir, keepGitDir, submodules, commitTime } = op.source;
  return [
    [`commit of source ${place}`, await sources.git.commit(op.source)],
    [`folder of source ${place}`, subdir],
    [`submodules of source ${place}`, String(submodules)],
    [`mtime of source ${place}`, commitTime ? 'commit' : 'checkout'],
    // what git keeps names the repository
    [`--keep-git-dir of source ${place}`, keepGitDir ? url : ''],
  ];
}

/**
 * Times that a source promises its files: they tell results apart whose content is equal, which other times do not.
 */
export async function promisedTimes(op: RemoteOp, place: number, { remotes }: Workshop): Promise<Recipe> {
  if (op.kind === 'http' || !op.source.commitTime) return [];
  return [[`times of source ${place}`, await (await remotes()).git.commit(op.source)]];
}

/** The files of a remote source: a download alone in a folder, or those of a commit. */
export async function remoteFiles(op: RemoteOp, { remotes }: Workshop): Promise<ScannedContext> {
  const sources = await remotes();
  if (op.kind === 'git') return (await sources.git.checkout(op.source)).files;
  const { http } = sources;
  const download = await http.file(op);
  const mtime = BigInt(download.modified) * 1_000_000n;
  const meta = { mode: 0o600, uid: 0, gid: 0, mtime };
  const file: File = { kind: 'file', meta, size: download.size, digest: download.digest };
  const tree: Tree = {
    kind: 'directory',
    meta: { ...meta, mode: 0o755 },
    entries: new Map([[toByteString(download.name), file]]),
  };
  const path = toByteString(http.path(download));
  return {
    tree,
    excluded: new Map(),
    hash: () => http.check(download),
    body: () => ({ kind: 'path', path }),
  };
}
